import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import type { Finding } from '../../cli/checks.ts';
import { Kaje } from '../../client/index.ts';
import { createKeys } from '../../shared/keys.ts';
import { closedPort } from '../client/connect.ts';
import { add, all, long } from '../client/tasks.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { redisBehindTls } from '../support/tls.ts';
import { runKaje, startTestWorker } from '../support/worker.ts';

describe('kaje doctor', () => {
  it('finds all well where all is well, and exits with 0', async () => {
    const { url: redisUrl } = await ownRedis();
    const api = await startTestApi({ redisUrl });
    await startTestWorker(api.config, all);
    const { code, checks } = await examine(redisUrl, api.url, api.config.prefix);
    expect(checks.filter(({ status }) => status !== 'ok')).to.deep.equal([]);
    expect(checks.map(({ check }) => check)).to.include.members(['redis', 'workers', 'api']);
    expect(code).to.equal(0);
  });

  it('warns of what can lose tasks on another day, and exits with 0', async () => {
    const redis = await ownRedis();
    await set(redis.url, ['appendonly', 'no'], ['maxmemory', '3mb']);
    const nobody = `http://127.0.0.1:${await closedPort()}`;
    const { code, checks } = await examine(redis.url, nobody, 'nobody');
    const warned = checks.filter(({ status }) => status === 'warn').map(({ check }) => check);
    expect(warned).to.include.members(['persistence', 'workers', 'api']);
    expect(code).to.equal(0);
  });

  it('warns of an API that takes no tasks because memory is short, and says what to do', async () => {
    const { url } = await ownRedis();
    const api = await startTestApi({ redisUrl: url });
    await set(url, ['maxmemory', '16mb']);
    await clientOf(url).setrange('filler', 13 * 2 ** 20, 'x');
    const { code, checks } = await examine(url, api.url, api.config.prefix);
    const found = checks.find(({ check }) => check === 'api');
    expect(found).to.deep.include({
      status: 'warn',
      advice: 'let workers run what waits, or raise maxmemory',
    });
    expect(found?.found).to.match(/is ready, .*, but: Redis holds 1\d\.\d of 16\.0 MiB/);
    expect(checks.find(({ check }) => check === 'memory')).to.include({ status: 'warn' });
    expect(code).to.equal(0);
  });

  it('warns of tasks that wait in a queue without a worker', async () => {
    const config = testConfig();
    await startTestWorker(config, all);
    const api = await startTestApi(config);
    await new Kaje({ url: api.url }).sendTask('add', { a: 1, b: 2 }, { queue: 'mail' });
    const { code, checks } = await examine(config.redisUrl, api.url, config.prefix);
    const queues = checks.find(({ check }) => check === 'queues');
    expect(queues).to.include({
      ...{ status: 'warn', found: 'tasks wait where no worker is: mail (1)' },
    });
    expect(checks.find(({ check }) => check === 'tasks')).to.include({ status: 'ok' });
    expect(code).to.equal(0);
  });

  it('warns of tasks that no worker alive has', async () => {
    const config = testConfig();
    const gone = await startTestWorker(config, [add]);
    await gone.stop();
    await startTestWorker(config, [long]);
    const api = await startTestApi(config);
    await new Kaje({ url: api.url }).sendTask('add', { a: 1, b: 2 });
    const redis = testRedis();
    const { parked } = createKeys(config.prefix);
    await eventually(async () => (await redis.zcard(parked('add'))) === 1);
    const { checks } = await examine(config.redisUrl, api.url, config.prefix);
    const tasks = checks.find(({ check }) => check === 'tasks');
    expect(tasks).to.include({
      ...{ status: 'warn', found: 'tasks wait that no worker alive has: add (1)' },
    });
  });

  it('warns of an API that uses another Redis than the one it looks at', async () => {
    const elsewhere = await ownRedis();
    const { url } = await startTestApi({ redisUrl: elsewhere.url });
    const { redisUrl, prefix } = testConfig();
    const { checks } = await examine(redisUrl, url, prefix);
    const api = checks.find(({ check }) => check === 'api');
    expect(api).to.include({ status: 'warn' });
    expect(api?.found).to.match(/uses another Redis, or another prefix/);
  });

  it('warns of a Redis that is nearly full', async () => {
    const redis = await ownRedis();
    const client = clientOf(redis.url);
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await set(redis.url, ['maxmemory', String(Math.round(used * 1.1))]);
    const { checks } = await examine(redis.url, 'http://127.0.0.1:1', 'nobody');
    const memory = checks.find(({ check }) => check === 'memory');
    expect(memory).to.include({ status: 'warn' });
    expect(memory?.advice).to.include('above 80 % (KAJE_REDIS_MEMORY_LIMIT)');
    expect(memory?.advice).to.include('raise maxmemory');
  });

  it('fails for a Redis that may drop tasks, and says what to set', async () => {
    const redis = await ownRedis();
    await set(redis.url, ['maxmemory-policy', 'allkeys-lru']);
    const { code, checks } = await examine(redis.url, 'http://127.0.0.1:1', 'nobody');
    const eviction = checks.find(({ check }) => check === 'eviction');
    expect(eviction).to.include({ status: 'fail', found: 'allkeys-lru' });
    expect(eviction?.advice).to.include('CONFIG SET maxmemory-policy noeviction');
    expect(code).to.equal(1);
  });

  it('says what a Redis wants that lets nobody in', async () => {
    const redis = await ownRedis();
    await set(redis.url, ['requirepass', 'pass']);
    const locked = await examine(redis.url, 'http://127.0.0.1:1', 'nobody');
    expect(locked.checks[0]?.found).to.match(/\(NOAUTH: it wants a login, [^ ]+\)$/);
    expect(locked.checks[0]?.advice).to.include('give its login in the URL');
    const { checks } = await examine(await redisBehindTls(), 'http://127.0.0.1:1', 'nobody');
    expect(checks[0]?.found).to.include('give the certificate of its CA by KAJE_REDIS_CA');
    expect(checks[0]?.advice).to.include('give the files (PEM)');
  });

  it('fails for a Redis that does not answer, and hides its password', async () => {
    const redisUrl = `redis://:secret@127.0.0.1:${await closedPort()}`;
    const { ended, output } = runKaje(['doctor'], {
      KAJE_REDIS_URL: redisUrl,
      KAJE_URL: 'http://127.0.0.1:1',
    });
    expect(await ended).to.equal(1);
    expect(output()).to.match(/^FAIL {2}redis +redis:\/\/\*\*\*@127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    expect(output()).to.match(/\n +-> start Redis, or give its address with --redis-url/);
    expect(output()).not.to.include('secret').and.not.to.include('    at ');
  });
});

describe('settings', () => {
  it('may lie in files, as secrets do', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kaje-secret-'));
    defer(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'url'), `redis://127.0.0.1:${await closedPort()}/3\n`);
    const { ended, output } = runKaje(['doctor', '--url', 'http://127.0.0.1:1'], {
      KAJE_REDIS_URL_FILE: join(dir, 'url'),
    });
    expect(await ended).to.equal(1);
    expect(output()).to.match(/^FAIL {2}redis +redis:\/\/127\.0\.0\.1:\d+\/3: /);
  });
});

async function examine(redisUrl: string, url: string, prefix: string) {
  const flags = ['--redis-url', redisUrl, '--url', url, '--prefix', prefix, '--json'];
  const { ended, output } = runKaje(['doctor', ...flags]);
  const code = await ended;
  const { checks }: { checks: Finding[] } = JSON.parse(output());
  return { code, checks };
}

function clientOf(url: string): Redis {
  const redis = new Redis(url);
  defer(() => redis.disconnect());
  return redis;
}

async function set(url: string, ...settings: [string, string][]): Promise<void> {
  const redis = clientOf(url);
  for (const [name, value] of settings) await redis.config('SET', name, value);
}
