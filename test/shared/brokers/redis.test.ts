import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Broker } from '../../../shared/broker.ts';
import {
  BrokerUnavailableError,
  TaskNotFoundError,
  WrongStateError,
} from '../../../shared/errors.ts';
import { connectFailingFast } from '../../../shared/redis.ts';
import { defineTask } from '../../../shared/task.ts';
import { countWaiting, messageOf, publish, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { startHeldBroker } from '../../support/held.ts';
import { commandsDuring } from '../../support/monitor.ts';
import { silentLog, testConfig, testRedis } from '../../support/redis.ts';
import { ownRedis } from '../../support/server.ts';
import { startTestWorker } from '../../support/worker.ts';

class Refused extends Error {}

const add = defineTask('add', { run: () => 5 });
const fail = defineTask('fail', {
  retry: { max: 2, delay: 0.001 },
  run() {
    throw new Refused('no');
  },
});

const stateOf = async (broker: Broker, id: string) => (await broker.read([id]))[0]?.result.state;
const becomes = (broker: Broker, id: string, state: string) =>
  eventually(async () => (await stateOf(broker, id)) === state);

describe('the broker on Redis', () => {
  it('reads ids in their order from any of several queues, null for unknown ones', async () => {
    const { broker } = await startTestBroker();
    await broker.add([messageOf('a'), messageOf('b', { queue: 'mail' }), messageOf('c')]);
    const records = await broker.read(['b', 'nobody', 'c', 'a', 'b']);
    const found = records.map((record) => record && [record.result.task_id, record.result.queue]);
    const b = ['b', 'mail'];
    expect(found).to.deep.equal([b, null, ['c', 'default'], ['a', 'default'], b]);
  });

  it('keeps the order of adds that nobody waits for, whatever they need', async () => {
    const { broker, redis, keys } = await startTestBroker();
    await broker.add([messageOf('first')]);
    const later = messageOf('later', { body: { kwargs: {}, eta: Date.now() + 60_000 } });
    await Promise.all([
      broker.add([messageOf('a'), later]),
      broker.add([messageOf('b')]),
      broker.add([messageOf('c')]),
    ]);
    const waiting = await redis.lrange(`${keys.queueBase('default')}wait`, 0, -1);
    expect(waiting.reverse()).to.deep.equal(['first', 'a', 'b', 'c']);
  });

  it('finds a task in a queue that another process has made since', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add([messageOf('a')]);
    expect(await stateOf(broker, 'a')).to.equal('PENDING');
    const other = await startTestBroker(config);
    await other.broker.add([messageOf('late', { queue: 'new' })]);
    const records = await broker.read(['late', 'a']);
    expect(records.map((record) => record?.result.queue)).to.deep.equal(['new', 'default']);
  });

  it('reads nothing where no queue is known, and no ids at all', async () => {
    const { broker } = await startTestBroker();
    expect(await broker.read(['a'])).to.deep.equal([null]);
    expect(await broker.read([])).to.deep.equal([]);
  });

  it('reads a hundred ids in one round trip', async () => {
    const { broker, config } = await startTestBroker();
    const ids = Array.from({ length: 100 }, (_, i) => `id-${i}`);
    await broker.add(ids.map((id) => messageOf(id)));
    await broker.read(ids);
    const commands = await commandsDuring(config.prefix, () => broker.read(ids));
    expect(commands).to.deep.equal(['evalsha']);
  });

  it('stores tasks of a queue by one script, and nothing besides', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add([messageOf('brings-the-script')]);
    const messages = Array.from({ length: 20 }, (_, i) => messageOf(`id-${i}`));
    const commands = await commandsDuring(config.prefix, () => broker.add(messages));
    expect(commands).to.deep.equal(['evalsha']);
    expect(await countWaiting(broker, 'default')).to.equal(21);
  });

  it('stores tasks although the clock of Redis was set forward', async () => {
    const config = testConfig();
    const redis = connectFailingFast(config.redisUrl, silentLog());
    // What it showed before.
    redis.time = async () => [1, 0];
    const { broker } = await startTestBroker(config, { redis });
    await broker.add([messageOf('names-the-queue')]);
    await broker.add([messageOf('behind-the-step')]);
    expect(await countWaiting(broker, 'default')).to.equal(2);
  });

  it('stores tasks of all kinds for several queues by the same script', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add([messageOf('brings-the-script')]);
    const messages = Array.from({ length: 20 }, (_, i) =>
      messageOf(`id-${i}`, {
        queue: i % 3 === 0 ? 'mail' : 'default',
        body: { kwargs: {}, priority: i % 10, ...(i > 10 ? { eta: Date.now() + 60_000 } : {}) },
        ...(i === 5 ? { unique: { hash: 'h', ttlMs: 60_000 } } : {}),
      }),
    );
    const commands = await commandsDuring(config.prefix, () => broker.add(messages));
    expect(commands).to.deep.equal(['evalsha']);
    const records = await broker.read(messages.map(({ id }) => id));
    expect(records.map((record) => record?.result.priority)).to.deep.equal(
      messages.map(({ body }) => body.priority),
    );
  });

  it('does not make a send wait for one before it that takes long', async () => {
    const config = testConfig();
    const { broker, isHeld, letGo } = await startHeldBroker(config, 'urgent', 1);
    const urgent = broker.add([messageOf('urgent', { body: { kwargs: {}, priority: 9 } })]);
    await isHeld;
    await broker.add([messageOf('plain')]);
    letGo();
    await urgent;
    expect(await countWaiting(broker, 'default')).to.equal(2);
  });

  it('names a queue anew to a Redis that has lost its keys', async () => {
    const { broker, config, redis, keys } = await startTestBroker();
    await broker.add([messageOf('a')]);
    await redis.del(...(await redis.keys(`${config.prefix}*`)));
    await broker.add([messageOf('b')]);
    expect(await redis.smembers(keys.queues)).to.deep.equal(['default']);
    const other = await startTestBroker(config);
    expect(await stateOf(other.broker, 'b')).to.equal('PENDING');
  });

  it('leaves a task as it is when its id is stored again', async () => {
    const { broker } = await startTestBroker();
    await broker.add([messageOf('a', { body: { kwargs: { first: true } } })]);
    await broker.add([messageOf('a', { body: { kwargs: { first: false } } })]);
    const [record] = await broker.read(['a']);
    expect(record?.result.kwargs).to.deep.equal({ first: true });
    expect(await countWaiting(broker, 'default')).to.equal(1);
  });

  it('counts as waiting what is due, not what is due later', async () => {
    const { broker } = await startTestBroker();
    const later = { body: { kwargs: {}, eta: Date.now() + 60_000 } };
    await broker.add([messageOf('a'), messageOf('b'), messageOf('c', later)]);
    const [queue] = await broker.queues();
    expect(queue).to.include({ name: 'default', waiting: 2, delayed: 1, active: 0, paused: false });
  });

  it('has a failed task run again with all its retries, under its id', async () => {
    const { broker, config } = await startTestBroker();
    await startTestWorker(config, [fail]);
    await broker.add([messageOf('a', { name: 'fail', body: { kwargs: {}, max_retries: 2 } })]);
    await becomes(broker, 'a', 'FAILURE');
    const [before] = await broker.read(['a']);
    expect(before?.result.retries).to.equal(2);
    const again = await broker.retry('a');
    expect(again.task_id).to.equal('a');
    expect(again.retries).to.be.lessThan(2);
    await eventually(async () => (await broker.read(['a']))[0]?.starts === 6);
    await becomes(broker, 'a', 'FAILURE');
    const [after] = await broker.read(['a']);
    expect(after?.result).to.include({ retries: 2, state: 'FAILURE' });
    expect(after?.result.error).to.include({ type: 'Refused', message: 'no' });
  });

  it('forgets at a retry how many workers have died with the task', async () => {
    const { broker, config, redis, keys } = await startTestBroker();
    const worker = await startTestWorker(config, [fail]);
    await broker.add([messageOf('a', { name: 'fail', body: { kwargs: {}, max_retries: 0 } })]);
    await becomes(broker, 'a', 'FAILURE');
    await worker.stop(AbortSignal.abort());
    // As BullMQ counts them; the third one would end the task.
    await redis.hset(keys.job('default', 'a'), 'stc', 2);
    await broker.retry('a');
    expect(await stateOf(broker, 'a')).to.equal('PENDING');
    expect(await redis.hexists(keys.job('default', 'a'), 'stc')).to.equal(0);
  });

  it('tells whoever follows a task that it runs again', async () => {
    const { broker, config } = await startTestBroker();
    const worker = await startTestWorker(config, [fail]);
    await broker.add([messageOf('a', { name: 'fail', body: { kwargs: {}, max_retries: 0 } })]);
    await becomes(broker, 'a', 'FAILURE');
    await worker.stop(AbortSignal.abort());
    let news = 0;
    defer(await broker.listen('a', () => news++));
    await broker.retry('a');
    await eventually(() => news === 1);
  });

  it('counts the bytes of a record, not its characters', async () => {
    const { broker } = await startTestBroker();
    const text = '\u20ac'.repeat(1000);
    await broker.add([messageOf('a', { body: { kwargs: { text } } })]);
    let bytes = 0;
    await broker.read(['a'], (came) => (bytes += came));
    expect(bytes).to.be.within(3000, 4000);
  });

  it('refuses a retry of what is not failed, and of what is unknown', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add([messageOf('a')]);
    expect(await failure(broker.retry('a'))).to.be.instanceOf(WrongStateError);
    await startTestWorker(config, [add]);
    await becomes(broker, 'a', 'SUCCESS');
    expect(await failure(broker.retry('a'))).to.be.instanceOf(WrongStateError);
    expect(await failure(broker.retry('b'))).to.be.instanceOf(TaskNotFoundError);
  });

  it('forgets a finished task and leaves nothing of it, but no other', async () => {
    const { broker, config, redis, keys } = await startTestBroker();
    await broker.add([messageOf('a')]);
    expect(await failure(broker.forget('a'))).to.be.instanceOf(WrongStateError);
    await startTestWorker(config, [add]);
    await becomes(broker, 'a', 'SUCCESS');
    await broker.forget('a');
    expect(await broker.read(['a'])).to.deep.equal([null]);
    expect(await redis.keys(`${config.prefix}:default:a*`)).to.deep.equal([]);
    expect(await redis.zcard(keys.finished('default', true))).to.equal(0);
    expect(await failure(broker.forget('a'))).to.be.instanceOf(TaskNotFoundError);
  });

  it('tells which tasks are served and by whom', async () => {
    const test = await startTestBroker();
    await publish(test, [fail, add]);
    const worker = await startTestWorker(test.config, [add]);
    const entries = await eventually(async () => {
      const found = await test.broker.registry();
      return found.some(({ workers }) => workers.length > 0) && found;
    });
    const served = entries.map(({ name, workers }) => [name, workers]);
    expect(served).to.deep.equal([
      ['add', [worker.name]],
      ['fail', []],
    ]);
  });

  it('reads what a plain BullMQ producer has added', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add([messageOf('ours')]);
    const connection = { url: config.redisUrl };
    const queue = new Queue('default', { connection, prefix: config.prefix });
    defer(() => queue.close());
    await queue.add('resize', { width: 3 }, { jobId: 'theirs', delay: 60_000 });
    const [record] = await broker.read(['theirs']);
    expect(record?.result).to.deep.include({
      name: 'resize',
      kwargs: { width: 3 },
      state: 'PENDING',
    });
    expect(Date.parse(record?.result.eta ?? '')).to.be.greaterThan(Date.now() + 30_000);
  });

  it('notes the children of a task in the order in which it sent them, and none of one that is gone', async () => {
    const { broker } = await startTestBroker();
    await broker.add([messageOf('a')]);
    const parent = { queue: 'default', id: 'a' };
    for (const child of ['b', 'c']) await broker.addChild(parent, child);
    await broker.addChild({ queue: 'default', id: 'gone' }, 'd');
    const [record, gone] = await broker.read(['a', 'gone']);
    expect(record?.result.children).to.deep.equal(['b', 'c']);
    expect(gone).to.equal(null);
  });

  it('says that it is unavailable where Redis answers, but takes no writes', async () => {
    const server = await ownRedis();
    const { broker } = await startTestBroker(testConfig({ redisUrl: server.url }));
    await eventually(async () => (await broker.checkWritable()) === undefined || undefined);
    await testRedis(server.url).config('SET', 'min-replicas-to-write', '1');
    expect(await failure(broker.checkWritable())).to.be.instanceOf(BrokerUnavailableError);
  });

  it('says that it is unavailable where nobody listens', async () => {
    const { broker } = await startTestBroker(testConfig({ redisUrl: 'redis://127.0.0.1:1' }));
    const calls = [
      () => broker.read(['a']),
      () => broker.add([messageOf('a')]),
      () => broker.specs(),
      () => broker.queues(),
      () => broker.workers(),
      () => broker.checkWritable(),
    ];
    for (const call of calls)
      expect(await failure(call())).to.be.instanceOf(BrokerUnavailableError);
  });
});

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
