/** Redis behind TLS, with a CA and client certificates of one's own: by settings and by the client's options. */
import { expect } from 'chai';
import { startApi } from '../../api/server.ts';
import { DefinitionError, Kaje } from '../../client/index.ts';
import { loadConfig } from '../../shared/config.ts';
import { redisTarget } from '../../shared/redisTarget.ts';
import { echo } from '../fixtures/quick.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog, testConfig } from '../support/redis.ts';
import { pem, redisBehindTls, TLS_FILES } from '../support/tls.ts';
import { startTestWorker } from '../support/worker.ts';

describe('a Redis behind TLS', () => {
  it('is reached with a CA and a certificate of files, by API, worker and client', async () => {
    const redisUrl = await redisBehindTls();
    const config = testConfig({ redisUrl, ...TLS_FILES });
    await startTestWorker(config, [echo]);
    const api = await startApi(config, silentLog());
    defer(() => api.stop());
    const tls = { ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') };
    for (const options of [{ url: api.url }, { redis: redisUrl, prefix: config.prefix, tls }]) {
      const kaje = new Kaje(options);
      defer(() => kaje.close());
      const result = await kaje.sendTask('echo', { a: 1 });
      expect(await result.get({ timeout: 20 })).to.deep.include({ input: { a: 1 } });
    }
  });

  it('is not trusted without its CA, nor reached without a certificate', async () => {
    const redis = await redisBehindTls();
    for (const [tls, reason] of [
      [{ cert: pem('client.crt'), key: pem('client.key') }, /certificate.*KAJE_REDIS_CA/],
      [
        { ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('server.key') },
        /\(key values mismatch: KAJE_REDIS_KEY is not the key of KAJE_REDIS_CERT\)/,
      ],
      [{ ca: pem('ca.crt') }, /certificate required.*KAJE_REDIS_CERT and KAJE_REDIS_KEY/],
    ] as const) {
      const kaje = new Kaje({ redis, tls });
      defer(() => kaje.close());
      // Until the alert is there the connection is only one that has closed.
      await eventually(async () => {
        const error = await kaje.queues().catch((thrown: unknown) => thrown);
        return reason.test(String(error)) && !/\n.|routines/.test(String(error));
      });
    }
  });

  it('wants certificates that can be used', () => {
    const [ca, cert, key] = [pem('ca.crt'), pem('client.crt'), pem('client.key')];
    for (const [tls, says] of [
      [{ ca, cert }, 'got only KAJE_REDIS_CERT: give KAJE_REDIS_KEY as well'],
      [{ ca, key }, 'got only KAJE_REDIS_KEY: give KAJE_REDIS_CERT as well'],
      [{ ca: 'no PEM' }, 'Expected KAJE_REDIS_CA to hold a certificate (PEM), got none'],
    ] as const) {
      expect(() => new Kaje({ redis: 'rediss://localhost', tls })).to.throw(DefinitionError, says);
    }
  });

  it('is named by files that can be read, and by a URL rediss://', () => {
    const target = (given: object) => redisTarget(loadConfig({}, given));
    const redisUrl = 'rediss://localhost';
    expect(target({ redisUrl })).to.deep.equal({ url: redisUrl });
    expect(target({ redisUrl, redisCa: TLS_FILES.redisCa })).to.deep.equal({
      url: redisUrl,
      tls: { ca: pem('ca.crt') },
    });
    expect(() => target({ redisUrl, redisCa: '/none.pem' })).to.throw(
      DefinitionError,
      'Expected KAJE_REDIS_CA to name a file that can be read, got "/none.pem"',
    );
    expect(() =>
      target({ redisUrl: 'redis://u:s3cret@localhost', redisCa: TLS_FILES.redisCa }),
    ).to.throw(
      DefinitionError,
      'Expected a URL rediss:// beside certificates for TLS, got "redis://***@localhost"',
    );
  });
});

describe('a URL of Redis with parameters', () => {
  const KNOWN = 'expected db, family, username, password';
  for (const [query, says] of [
    [
      'ssl_cert_reqs=none',
      `unknown parameter "ssl_cert_reqs"; ${KNOWN}; certificates: KAJE_REDIS_CA`,
    ],
    ['pasword=s3cret', `unknown parameter "pasword" - did you mean "password"?; ${KNOWN}`],
    ['db=1&lazyConnect=true', `unknown parameter "lazyConnect"; ${KNOWN}`],
    ['db=one', 'has a database "one"; expected its number, as in redis://host:6379/1'],
  ] as const) {
    it(`is refused where one is not known: ${query}`, () => {
      const url = `rediss://localhost:6380/0?${query}`;
      expect(() => loadConfig({ KAJE_REDIS_URL: url }))
        .to.throw(DefinitionError)
        .and.satisfy((error: Error) => {
          expect(error.message)
            .to.include(says)
            .and.include('KAJE_REDIS_URL')
            .and.not.include('s3cret');
          return true;
        });
      expect(() => new Kaje({ redis: url })).to.throw(DefinitionError, says);
    });
  }

  for (const password of ['a?s3cret', 'a?s3cret=b', 'a/s3cret', 's3cret/a?db=x']) {
    it(`is refused without a part of its password, where that is cut: ${password}`, () => {
      const url = `redis://:${password}@localhost:6380/0`;
      for (const open of [
        () => loadConfig({ KAJE_REDIS_URL: url }),
        () => new Kaje({ redis: url }),
      ]) {
        expect(open)
          .to.throw(DefinitionError, 'in a login they are written as %2F, %3F and %23')
          .with.property('message')
          .that.does.not.include('s3cret');
      }
    });
  }

  for (const database of ['one', '1.5', '1a', '-1', '1/2']) {
    it(`is refused where its database is no number: ${database}`, () => {
      const url = `redis://:s3cret@localhost:6380/${database}`;
      const says = `has a database "${database}"; expected its number`;
      expect(() => loadConfig({ KAJE_REDIS_URL: url }))
        .to.throw(DefinitionError, says)
        .and.satisfy((error: Error) => !error.message.includes('s3cret'));
      expect(() => new Kaje({ redis: url })).to.throw(DefinitionError, says);
    });
  }

  for (const url of [
    'redis://h',
    'redis://h/',
    'redis://u:p@h:6379/15',
    'redis://h/1?family=6',
    'redis://h?db=1&username=a&password=b',
    'unix:/a?b=c',
  ]) {
    it(`is taken: ${url}`, () => {
      expect(loadConfig({ KAJE_REDIS_URL: url }).redisUrl).to.equal(url);
    });
  }
});
