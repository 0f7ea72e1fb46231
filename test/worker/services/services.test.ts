import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createKeys } from '../../../shared/keys.ts';
import { createRegistry } from '../../../shared/registry.ts';
import { defineTask } from '../../../shared/task.ts';
import { every } from '../../../worker/every.ts';
import { createAnnouncement } from '../../../worker/services/announcement.ts';
import { createHealth } from '../../../worker/services/health.ts';
import { startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';
import { silentLog, testConfig, testRedis } from '../../support/redis.ts';
import { startTestWorker } from '../../support/worker.ts';

const add = defineTask('add', { description: 'Adds', run: () => 1 });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

describe('the health checks of a worker', () => {
  it('say that it lives, whether it takes tasks, and why not', async () => {
    const port = await freePort();
    let reason: string | undefined = 'starting';
    const unreadiness = () => reason;
    const health = createHealth({ host: '127.0.0.1', port, log: silentLog(), unreadiness });
    await health.start();
    defer(() => health.stop());
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return [response.status, await response.json()];
    };
    expect(await ask('/health/live')).to.deep.equal([200, { status: 'live' }]);
    expect(await ask('/health/ready')).to.deep.equal([503, { status: 'starting' }]);
    reason = undefined;
    expect(await ask('/health/ready')).to.deep.equal([200, { status: 'ready' }]);
    expect((await ask('/other'))[0]).to.equal(404);
    await health.stop();
    await eventually(() =>
      ask('/health/live').then(
        () => false,
        () => true,
      ),
    );
  });

  it('keep a worker from starting whose port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    defer(() => other.close());
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const unreadiness = () => undefined;
    const health = createHealth({ host: '127.0.0.1', port, log: silentLog(), unreadiness });
    const start = async () => health.start();
    expect(await start().catch((error: unknown) => error)).to.have.property('code', 'EADDRINUSE');
  });

  it('are off at port 0, which would be any free one', async () => {
    const { log, lines } = collectLog();
    const unreadiness = () => undefined;
    const health = createHealth({ host: '127.0.0.1', port: 0, log, unreadiness });
    defer(() => health.stop());
    await health.start();
    // One that listens says at which port.
    expect(lines).to.deep.equal([]);
  });
});

describe('the announcement of tasks', () => {
  it('is published at the start, and again when Redis is back without its keys', async () => {
    const keys = createKeys(testConfig().prefix);
    const [redis, other] = [testRedis(), testRedis()];
    const registry = createRegistry([[add, 'the test']]);
    const announcement = createAnnouncement({
      redis,
      keys,
      registry,
      resultExpires: 60,
      log: silentLog(),
      queues: () => ['a', 'b'],
    });
    await announcement.start();
    defer(() => announcement.stop());
    const published = async () => {
      const spec = JSON.parse((await other.hget(keys.registry, 'add')) ?? '{}');
      return [spec.description, (await other.smembers(keys.queues)).sort()];
    };
    expect(await published()).to.deep.equal(['Adds', ['a', 'b']]);
    await other.del(keys.registry, keys.queues);
    redis.disconnect(true);
    await eventually(async () => expect(await published()).to.deep.equal(['Adds', ['a', 'b']]));
    // A worker that has stopped has no tasks.
    await announcement.stop();
    await other.del(keys.registry, keys.queues);
    redis.disconnect(true);
    await once(redis, 'ready');
    // Behind whatever it has sent at its return.
    await redis.ping();
    expect(await published()).to.deep.equal([undefined, []]);
  });
});

describe('the queues of a worker', () => {
  it('keep few events of BullMQ, which hold a copy of each result', async () => {
    const config = testConfig();
    const redis = testRedis();
    const big = defineTask('big', { run: () => 'x'.repeat(10_000) });
    await startTestWorker(config, [big]);
    const { broker } = await startTestBroker(config);
    const ids = Array.from({ length: 500 }, (_, i) => `big-${i}`);
    await broker.add(
      ids.map((id) => ({ id, name: 'big', queue: 'default', sentAt: Date.now(), body: {} })),
    );
    const keys = createKeys(config.prefix);
    await eventually(async () => (await redis.zcard(keys.finished('default', true))) === 500);
    // Streams are trimmed by whole nodes of up to 100 entries.
    expect(await redis.xlen(`${keys.queueBase('default')}events`)).to.be.at.most(300);
  });
});

describe('a periodic duty', () => {
  it('goes on after a pass that failed, never two at once, and ends with its service', async () => {
    let [passes, current, most] = [0, 0, 0];
    const pass = async () => {
      passes++;
      most = Math.max(most, ++current);
      await new Promise((resolve) => setTimeout(resolve, 5));
      current--;
      if (passes === 1) throw new Error('the first fails');
    };
    const service = every('test', 1, pass, silentLog());
    await service.start();
    await eventually(() => passes > 3);
    await service.stop();
    const before = passes;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(passes).to.equal(before);
    expect(most).to.equal(1);
  });
});
