import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { BrokerUnavailableError, TaskNotFoundError } from '../../shared/errors.ts';
import {
  answered,
  asUnavailable,
  connectFailingFast,
  connectPatiently,
  disconnect,
  whenConnected,
} from '../../shared/redis.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { redisProxy } from '../support/proxy.ts';
import { silentLog, testRedis, testRedisUrl } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';

const withCode = (code: string, message = '') => Object.assign(new Error(message), { code });
const named = (name: string) => Object.assign(new Error('x'), { name });

describe('an error of Redis', () => {
  const unavailable: readonly [why: string, error: Error, says: string][] = [
    ['it loads its data', new Error('LOADING Redis is loading the dataset in memory'), 'LOADING'],
    [
      'it is a replica',
      new Error("READONLY You can't write against a read only replica."),
      'READONLY',
    ],
    [
      'its memory is full',
      new Error("OOM command not allowed when used memory > 'maxmemory'."),
      'OOM',
    ],
    ['it cannot save', new Error('MISCONF Redis is configured to save RDB snapshots'), 'MISCONF'],
    ['a script is busy', new Error('BUSY Redis is busy running a script.'), 'BUSY'],
    ['it has forgotten a script twice', new Error('NOSCRIPT No matching script.'), 'NOSCRIPT'],
    ['it wants a password', new Error('NOAUTH Authentication required.'), 'NOAUTH'],
    ['too few replicas', new Error('NOREPLICAS Not enough good replicas to write.'), 'NOREPLICAS'],
    [
      'its memory is full, told by a script of Redis 6',
      new Error(
        "ERR Error running script (call to f_b6e2): @user_script:77: @user_script: 77: -OOM command not allowed when used memory > 'maxmemory'.",
      ),
      'OOM command',
    ],
    [
      'it is a replica, told by a script of Redis 6',
      new Error(
        "ERR Error running script (call to f_b6e2): @user_script:1: -READONLY You can't write against a read only replica.",
      ),
      'READONLY',
    ],
    [
      'its memory is full, told by a script of Redis 7',
      new Error(
        "OOM command not allowed when used memory > 'maxmemory'. script: b6e2, on @user_script:77.",
      ),
      'OOM',
    ],
    [
      'nobody listens',
      withCode('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'),
      'ECONNREFUSED',
    ],
    ['both addresses of localhost fail', withCode('ECONNREFUSED'), 'ECONNREFUSED'],
    ['the connection was cut', withCode('ECONNRESET', 'read ECONNRESET'), 'ECONNRESET'],
    ['the host is unknown', withCode('ENOTFOUND'), 'ENOTFOUND'],
    ['the socket file is missing', withCode('ENOENT'), 'ENOENT'],
    ['the connection is closed', new Error('Connection is closed.'), 'Connection is closed'],
    [
      'commands are not kept',
      new Error("Stream isn't writeable and enableOfflineQueue options is false"),
      'Redis cannot be reached (not connected)',
    ],
    ['it was retried in vain', named('MaxRetriesPerRequestError'), 'reached'],
    ['the command was cut off', named('AbortError'), 'reached'],
  ];
  for (const [why, error, says] of unavailable) {
    it(`means that the broker is unavailable: ${why}`, () => {
      const found = asUnavailable(error);
      expect(found).to.be.instanceOf(BrokerUnavailableError);
      expect(found).to.have.property('message').that.contains(says);
      expect(found).to.have.property('cause', error);
    });
  }

  const others: readonly [why: string, error: unknown][] = [
    [
      'a wrong type',
      new Error('WRONGTYPE Operation against a key holding the wrong kind of value'),
    ],
    [
      'a fault in a script',
      new Error('ERR Error running script (call to f_b): @user_script:1: nil'),
    ],
    ['a word that only begins so', new Error('BUSYGROUP Consumer Group name already exists')],
    ['a refusal that is only quoted', new Error('The file says "OOM"')],
    ['an error of ours', new TaskNotFoundError('a')],
    ['what is no error', 'LOADING'],
  ];
  for (const [why, error] of others) {
    it(`stays as it is: ${why}`, () => {
      expect(asUnavailable(error)).to.equal(error);
    });
  }

  it('tells why the connection was lost, where that is known', () => {
    const error = asUnavailable(new Error('Connection is closed.'), 'connect ECONNREFUSED');
    expect(error).to.have.property('message').that.contains('connect ECONNREFUSED');
  });
});

describe('a connection that fails fast', () => {
  it('refuses a command at once while Redis is away, and says why', async () => {
    const redis = connectFailingFast('redis://127.0.0.1:1', silentLog());
    defer(() => disconnect(redis));
    await eventually(async () => {
      const error = await answered(redis, redis.get('x')).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      return /ECONNREFUSED/.test(String(error));
    });
  });

  it('gives up an answer that does not come, and cuts the connection', async () => {
    const { port } = await silentServer();
    const redis = connectFailingFast(`redis://127.0.0.1:${port}`, silentLog());
    defer(() => redis.disconnect());
    await eventually(() => redis.status === 'connect');
    const silence = new Promise<never>(() => undefined);
    const error = await answered(redis, silence, 20).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(BrokerUnavailableError);
    expect(error).to.have.property('message').that.contains('no answer within 20 ms');
    await eventually(() => redis.status !== 'connect');
  });

  it('does so over a unix socket too, which knows no hard cut', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'kaje-test-'));
    defer(() => rm(dir, { recursive: true }));
    await silentServer(join(dir, 'redis.sock'));
    const redis = connectFailingFast(`unix:${join(dir, 'redis.sock')}`, silentLog());
    defer(() => redis.disconnect());
    await eventually(() => redis.status === 'connect');
    const silence = new Promise<never>(() => undefined);
    const error = await answered(redis, silence, 20).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(BrokerUnavailableError);
    await eventually(() => redis.status !== 'connect');
  });

  it('does not take a stall of its own process for silence of Redis', async () => {
    const redis = connectFailingFast(testRedisUrl(), silentLog());
    defer(() => disconnect(redis));
    await whenConnected(redis, 5000);
    const answer = answered(redis, redis.echo('hello'));
    stall(1000);
    expect(await answer).to.equal('hello');
    expect(redis.status).to.equal('ready');
  });

  it('gives Redis its time after a pause of the whole machine', async () => {
    const server = await ownRedis();
    const redis = connectFailingFast(server.url, silentLog());
    defer(() => disconnect(redis));
    await whenConnected(redis, 5000);
    process.kill(server.pid(), 'SIGSTOP');
    const answer = answered(redis, redis.echo('hello'));
    // On the wire before both stand still.
    await new Promise(setImmediate);
    // It wakes a little later than this process.
    setTimeout(() => process.kill(server.pid(), 'SIGCONT'), 1050);
    stall(1000);
    expect(await answer).to.equal('hello');
    expect(redis.status).to.equal('ready');
  });

  it('passes on what Redis answers, also its errors', async () => {
    const redis = connectFailingFast(testRedisUrl(), silentLog());
    defer(() => disconnect(redis));
    await whenConnected(redis, 5000);
    expect(await answered(redis, redis.echo('hello'))).to.equal('hello');
    const error = await answered(redis, redis.call('NO.SUCH')).catch((reason: unknown) => reason);
    expect(error).to.have.property('message').that.contains('unknown command');
    expect(error).not.to.be.instanceOf(BrokerUnavailableError);
  });
});

describe('a connection that waits', () => {
  it('keeps commands until Redis is there', async () => {
    const redis = connectPatiently(testRedisUrl(), silentLog());
    defer(() => disconnect(redis));
    expect(redis.status).not.to.equal('ready');
    expect(await redis.echo('hello')).to.equal('hello');
  });

  it('is made anew when it is half-open, and sends again what was not answered', async () => {
    const proxy = await redisProxy();
    const redis = connectPatiently(proxy.url, silentLog(), 1);
    const copy = redis.duplicate();
    defer(() => Promise.all([disconnect(redis), disconnect(copy)]));
    let cuts = 0;
    for (const each of [redis, copy]) each.on('error', () => cuts++);
    await Promise.all([redis.ping(), copy.ping()]);
    proxy.freeze();
    const answers = Promise.all([redis.echo('main'), copy.echo('copy')]);
    await eventually(() => cuts >= 2);
    await proxy.wake();
    expect(await answers).to.deep.equal(['main', 'copy']);
  });

  it('leaves alone a line on which an answer takes less than that, whenever it was asked for', async () => {
    let cuts = 0;
    const askedBehind = async (ms: number): Promise<void> => {
      const redis = connectPatiently(testRedisUrl(), silentLog(), 2);
      defer(() => disconnect(redis));
      await redis.ping();
      redis.on('close', () => cuts++);
      await sleep(ms);
      await redis.blpop(`nothing:${randomUUID()}`, 1.2);
    };
    // In all parts of the second between two looks.
    await Promise.all([...Array(10).keys()].map((i) => askedBehind(i * 100)));
    expect(cuts).to.equal(0);
  });

  it('does not take a stall of its own process for a half-open line', async () => {
    // The first look after a stall comes before what lies there is read.
    const redis = connectPatiently(testRedisUrl(), silentLog(), 2);
    defer(() => disconnect(redis));
    await redis.ping();
    let cuts = 0;
    redis.on('close', () => cuts++);
    const answer = redis.echo('hello');
    stall(3000);
    expect(await answer).to.equal('hello');
    await redis.ping();
    expect(cuts).to.equal(0);
  });

  it('can be closed while Redis is away', async () => {
    const redis = connectPatiently('redis://127.0.0.1:1', silentLog());
    await disconnect(redis);
    await eventually(() => redis.status === 'end');
  });

  it('ends what waits also when it is closed between two attempts', async () => {
    const redis = connectPatiently('redis://127.0.0.1:1', silentLog());
    defer(() => redis.disconnect());
    let failure: unknown;
    redis.echo('hello').catch((error) => (failure = error));
    // As a pause begins.
    await new Promise((resolve) => redis.once('reconnecting', resolve));
    await disconnect(redis);
    await eventually(() => failure, 5000);
    expect(failure).to.have.property('message', 'Connection is closed.');
    expect(redis.status).to.equal('end');
  });
});

describe('an outage', () => {
  const kinds = { 'fails fast': connectFailingFast, waits: connectPatiently };
  for (const [kind, connect] of Object.entries(kinds)) {
    it(`of a connection that ${kind} is one line when Redis goes and one when it is back`, async () => {
      const server = await ownRedis();
      const { log, lines } = collectLog();
      const redis = connect(server.url, log);
      defer(() => disconnect(redis));
      await whenConnected(redis, 5000);
      let attempts = 0;
      redis.on('reconnecting', () => attempts++);
      await server.stop();
      await eventually(() => attempts >= 3);
      const address = `127.0.0.1:${server.port}`;
      expect(lines.map(({ level, redis: of, msg }) => ({ level, of, msg }))).to.deep.equal([
        { level: 50, of: address, msg: 'Redis is unreachable; trying again until it is back' },
      ]);
      await server.start();
      await eventually(() => redis.status === 'ready');
      expect(lines[1]).to.include({ level: 30, redis: address, msg: 'Redis is back' });
      expect(lines[1]?.after_s).to.be.within(0.001, 60);
      await server.stop();
      await eventually(() => lines.length === 3);
      expect(lines[2]).to.include({ level: 50 });
    });
  }

  it('is told where the line is only cut, with why, and not where it is closed on purpose', async () => {
    const proxy = await redisProxy();
    const { log, lines } = collectLog();
    const redis = connectPatiently(proxy.url, log);
    defer(() => disconnect(redis));
    await whenConnected(redis, 5000);
    proxy.cut();
    await eventually(() => lines.length === 2);
    expect(lines[0]).to.include({ level: 50, reason: 'connection closed' });
    expect(lines[1]).to.include({ msg: 'Redis is back' });
    await disconnect(redis);
    await eventually(() => redis.status === 'end');
    expect(lines).to.have.length(2);
  });
});

describe('a Redis that has become a replica, and keeps its connections,', () => {
  const kinds = { 'fails fast': connectFailingFast, waits: connectPatiently };
  for (const [kind, connect] of Object.entries(kinds)) {
    it(`is left for the one to which its name leads now, by a connection that ${kind}`, async () => {
      const [before, after] = await Promise.all([ownRedis(), ownRedis()]);
      const proxy = await redisProxy(before.url);
      const { log, lines } = collectLog();
      const main = connect(proxy.url, log);
      const copy = main.duplicate();
      const all = [main, copy];
      defer(() => Promise.all(all.map(disconnect)));
      await Promise.all(all.map((each) => whenConnected(each, 5000)));
      proxy.leadTo(after.url);
      await testRedis(before.url).replicaof('127.0.0.1', after.port);
      for (const [i, each] of all.entries()) {
        await eventually(() => each.set(`key${i}`, 'here').catch(() => undefined));
        expect(await testRedis(after.url).get(`key${i}`)).to.equal('here');
      }
      // Whoever was refused has told it.
      expect(lines).to.deep.equal([]);
    });
  }

  it('keeps them, and answers what only reads, while nobody takes over', async () => {
    const server = await ownRedis();
    const operator = testRedis(server.url);
    await operator.replicaof('127.0.0.1', '1');
    const redis = connectFailingFast(server.url, silentLog());
    defer(() => disconnect(redis));
    await whenConnected(redis, 5000);
    const connections = async () =>
      Number(/total_connections_received:(\d+)/.exec(await operator.info('stats'))?.[1]);
    const before = await connections();
    const began = performance.now();
    for (let i = 0; i < 100; i++) {
      expect(await redis.set('key', i).catch(({ message }) => message)).to.match(/^READONLY/);
      expect(await redis.get('key')).to.equal(null);
    }
    const looks = (await connections()) - before;
    expect(looks).to.be.at.most(1 + Math.floor((performance.now() - began) / 2000));
  });
});

/** Keeps the event loop busy, as a task that only computes or a long JSON does. */
function stall(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

/** Takes connections and says nothing. */
async function silentServer(path?: string): Promise<{ port: number }> {
  const server = createServer();
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => undefined)));
  defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) =>
    path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve),
  );
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0 };
}
