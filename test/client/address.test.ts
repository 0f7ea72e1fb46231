import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { checkApi } from '../../cli/apiCheck.ts';
import { DefinitionError, Kaje } from '../../client/index.ts';
import { addressOf } from '../../client/transports/address.ts';
import { defer } from '../support/defer.ts';
import { closedPort, errorOf } from './connect.ts';

const LOGIN = 'ops:s3cr%40t';
const HEADER = `Basic ${Buffer.from('ops:s3cr@t').toString('base64')}`;

/** Answers everything with this status, and keeps what it was asked with. */
async function listening(status: number, body = '{"status":"ready","queues":[]}') {
  const asked: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => void server.close().closeAllConnections());
  return { asked, at: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const opened = (options: { url: string; headers?: Record<string, string> }) => {
  const kaje = new Kaje(options);
  defer(() => kaje.close());
  return kaje;
};

describe('the address of an API', () => {
  for (const [base, root] of [
    ['http://127.0.0.1:8000', 'http://127.0.0.1:8000'],
    ['http://127.0.0.1:8000//', 'http://127.0.0.1:8000'],
    ['https://example.org/kaje/', 'https://example.org/kaje'],
  ] as const) {
    it(`is ${root} for ${base}`, () => {
      expect(addressOf(base)).to.deep.equal({ root, headers: {} });
    });
  }

  it('gives its login away as a header only', () => {
    const { root, headers } = addressOf(`https://${LOGIN}@example.org/kaje`);
    expect(root).to.equal('https://example.org/kaje');
    expect(headers).to.deep.equal({ authorization: HEADER });
    expect(addressOf('http://a%zz@h').headers.authorization).to.equal(
      `Basic ${Buffer.from('a%zz:').toString('base64')}`,
    );
  });

  it('takes headers as HTTP does, and says which of them it cannot carry without its value', async () => {
    const { at, asked } = await listening(200);
    const headers = { Authorization: 'Bearer t' };
    await opened({ url: `http://${LOGIN}@${at}`, headers }).queues();
    expect(asked[0]?.authorization).to.equal('Bearer t');
    for (const [name, value] of [
      ['x-token', 's3\ncret'],
      ['x-token', 's3cret\u2013'],
      ['x token', 's3cret'],
      ['x-token', ['s3cret']],
    ] as const) {
      // Also of callers without types.
      const given = { url: `http://${at}`, headers: { [name]: value as string } };
      expect(() => opened(given))
        .to.throw(DefinitionError, `"${name}" is none`)
        .with.property('message')
        .that.does.not.match(/s3/);
    }
  });

  for (const base of [
    'nonsense',
    'ops:s3cret@host',
    'ftp://ops:s3cret@host',
    'http://host/kaje?token=s3cret',
    'http://host/#s3cret=s3cret',
    'http://ops:s3cret@host:port',
  ]) {
    it(`is refused without a secret of it: ${base}`, () => {
      expect(() => new Kaje({ url: base })).to.throw(
        DefinitionError,
        /^Expected the URL of an API/,
      );
      expect(() => new Kaje({ url: base })).to.not.throw(/token=s3cret|:s3cret/);
    });
  }

  it('names no login where both ways are given', () => {
    const both = { url: 'http://ops:s3cret@h', redis: 'redis://:s3cret@h' };
    expect(() => new Kaje(both as never))
      .to.throw(DefinitionError)
      .and.not.match(/s3cret/);
  });
});

describe('a client with a login in its URL', () => {
  it('sends it as a header, and headers of its own as well', async () => {
    const { asked, at } = await listening(200);
    await opened({ url: `http://${LOGIN}@${at}` }).queues();
    await opened({ url: `http://${at}`, headers: { authorization: 'Bearer t' } }).queues();
    expect(asked.map(({ authorization }) => authorization)).to.deep.equal([HEADER, 'Bearer t']);
  });

  it('has it in no message', async () => {
    const { at } = await listening(401);
    for (const host of [at, `127.0.0.1:${await closedPort()}`]) {
      const kaje = opened({ url: `http://${LOGIN}@${host}` });
      for (const ask of [
        () => kaje.sendTask('t'),
        () => kaje.events().next(),
        () => kaje.workers(),
      ]) {
        const error = await errorOf(ask());
        const told = `${(error as Error).stack} ${JSON.stringify(error)} ${(error as Error).cause}`;
        expect(told)
          .to.include('127.0.0.1')
          .and.not.match(/s3cr|ops/);
      }
    }
  });

  for (const [status, advice] of [
    [401, /answer(s|ed) 401.*give a login in its URL/],
    [403, /answer(s|ed) 403.*give a login in its URL/],
    [404, /answer(s|ed) 404.*is it the address of an API of Kaje/],
    [503, /.*/],
  ] as const) {
    it(`is told what to do when a proxy answers ${status}, also by the doctor`, async () => {
      const { at } = await listening(status);
      const error = await errorOf(opened({ url: `http://${at}` }).queues());
      expect((error as Error).message).to.match(advice);
      const { found, advice: told } = await checkApi(`http://${at}`);
      expect(`${found}: ${told}`).to.match(status === 503 ? /cannot write to its Redis/ : advice);
    });
  }

  for (const page of ['<h1>Welcome</h1>', '"ready"', '{"status":"UP"}']) {
    it(`is none where something else answers, which the doctor says: ${page}`, async () => {
      const { at } = await listening(200, page);
      const { status, found, advice } = await checkApi(`http://${at}`, async () => 'the same');
      expect(status).to.equal('fail');
      expect(found).to.equal(`http://${at} answers 200, but not as an API of Kaje`);
      expect(advice).to.match(/^is it the address of an API of Kaje/);
    });
  }

  it('is checked by the doctor with it, who does not show it', async () => {
    const { asked, at } = await listening(200);
    const finding = await checkApi(`http://${LOGIN}@${at}`);
    expect(finding.status).to.equal('ok');
    expect(finding.found)
      .to.include(`http://${at} is ready`)
      .and.not.match(/s3cr|ops/);
    expect(asked[0]?.authorization).to.equal(HEADER);
  });
});
