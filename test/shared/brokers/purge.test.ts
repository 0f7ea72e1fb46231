import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { TaskMessage } from '../../../shared/message.ts';
import { defineTask } from '../../../shared/task.ts';
import { createWatcher } from '../../../shared/watcher.ts';
import { hold, stubborn } from '../../fixtures/quick.ts';
import { countWaiting, messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { commandsDuring } from '../../support/monitor.ts';
import { startTestWorker } from '../../support/worker.ts';

type Test = Awaited<ReturnType<typeof startTestBroker>>;

const stateOf = async ({ broker }: Test, id: string) =>
  (await broker.read([id]))[0]?.result.state ?? null;

const becomes = (test: Test, id: string, state: string) =>
  eventually(async () => (await stateOf(test, id)) === state);

const some = (count: number, given: Partial<TaskMessage> = {}) =>
  Array.from({ length: count }, (_, i) => messageOf(`${given.name ?? 'add'}-${i}`, given));

/** Keys of the queue that a purge must not leave behind; what BullMQ counts with may stay. */
async function keysOf({ redis, keys }: Test, queue = 'default'): Promise<string[]> {
  const base = keys.queueBase(queue);
  const found = await redis.keys(`${base}*`);
  return found.filter((key) => !/:(meta|id|events|marker|pc|stalled-check)$/.test(key)).sort();
}

describe('the purge of a queue', () => {
  it('removes what waits, with and without priority, and what is due later, with all keys', async () => {
    const test = await startTestBroker();
    const { broker } = test;
    const later = { body: { kwargs: {}, eta: Date.now() + 3_600_000 } };
    const urgent = { body: { kwargs: {}, priority: 9 } };
    await broker.add([
      messageOf('a'),
      messageOf('b', urgent),
      messageOf('c', later),
      messageOf('other', { queue: 'mail' }),
    ]);
    expect(await broker.purge('default')).to.equal(3);
    expect(await broker.read(['a', 'b', 'c'])).to.deep.equal([null, null, null]);
    expect(await keysOf(test)).to.deep.equal([]);
    expect(await stateOf(test, 'other')).to.equal('PENDING');
    expect(await broker.purge('default')).to.equal(0);
    expect(await broker.purge('nobody-s')).to.equal(0);
  });

  it('leaves alone what runs and what has ended, and takes retries', async () => {
    const test = await startTestBroker();
    const { broker, config } = test;
    const ok = defineTask('ok', { run: () => 1 });
    const queues = [{ name: 'default', concurrency: 1 }];
    await startTestWorker(config, [ok, stubborn, hold], queues);
    const retries = { name: 'stubborn', body: { kwargs: {}, max_retries: 5 } };
    await broker.add([messageOf('done', { name: 'ok' }), messageOf('retry', retries)]);
    await becomes(test, 'done', 'SUCCESS');
    await becomes(test, 'retry', 'RETRY');
    await broker.add([messageOf('runs', { name: 'hold', body: { kwargs: { ms: 300 } } })]);
    await becomes(test, 'runs', 'STARTED');
    await broker.add(some(3, { name: 'ok' }));
    expect(await broker.purge('default')).to.equal(4);
    expect(await stateOf(test, 'retry')).to.equal(null);
    expect(await stateOf(test, 'done')).to.equal('SUCCESS');
    await becomes(test, 'runs', 'SUCCESS');
  });

  it('takes what waits for its turn by a limit, and its place in the line', async () => {
    const test = await startTestBroker();
    const { broker, config, redis, keys } = test;
    const paced = defineTask('paced', { rateLimit: '1/h', run: () => 1 });
    const single = defineTask('single', { ...hold.options, maxConcurrency: 1, run: hold.run });
    await startTestWorker(config, [paced, single]);
    const body = { kwargs: { ms: 60_000 } };
    await broker.add([...some(3, { name: 'paced' }), ...some(3, { name: 'single', body })]);
    const lines = () =>
      Promise.all([redis.zcard(keys.reserved('paced')), redis.zcard(keys.parked('single'))]);
    await eventually(async () => expect(await lines()).to.deep.equal([2, 2]));
    // In the line first, then out of their workers' hands.
    await eventually(async () => (await broker.queues())[0]?.delayed === 4);
    expect(await broker.purge('default')).to.equal(4);
    expect(await lines()).to.deep.equal([0, 0]);
  });

  it('tells those who wait for a task at once that it is gone', async () => {
    const { broker } = await startTestBroker();
    await broker.add([messageOf('a')]);
    const watcher = createWatcher(broker);
    const seen: unknown[] = [];
    const stop = watcher.watch('a', (record) => seen.push(record?.result.state ?? null));
    defer(stop);
    await eventually(() => seen.length > 0);
    await broker.purge('default');
    expect(await watcher.wait('a', 30_000)).to.equal(null);
    await eventually(() => seen.at(-1) === null);
  });

  it('keeps the record of a task that was revoked while it waited', async () => {
    const test = await startTestBroker();
    const { broker } = test;
    await broker.add([messageOf('revoked'), messageOf('b')]);
    await broker.revoke('revoked', false);
    const [before] = await broker.read(['revoked']);
    expect(before?.result.state).to.equal('REVOKED');
    expect(await broker.purge('default')).to.equal(1);
    const [after] = await broker.read(['revoked']);
    expect(after?.result).to.deep.equal(before?.result);
    expect(await countWaiting(broker, 'default')).to.equal(0);
    expect((await broker.queues())[0]).to.include({ failed: 1 });
  });

  it('keeps the record of a task that was lost with its worker: it has ended now', async () => {
    const test = await startTestBroker();
    const { broker, redis, keys } = test;
    const long = { body: { kwargs: {}, result_expires: 2 * 86_400 } };
    await broker.add([messageOf('lost'), messageOf('long', long)]);
    const lost = 'WorkerLostError: The worker was lost while it ran this task';
    const startedAt = Date.now() - 3_600_000;
    const filedAt = async (id: string) =>
      Number(await redis.zscore(keys.finished('default', false), id));
    for (const id of ['lost', 'long']) {
      await redis.hset(keys.job('default', id), {
        defa: lost,
        deferred: `1,${startedAt},`,
        ats: 1,
      });
    }
    expect(await broker.purge('default')).to.equal(0);
    for (const [id, keptMs] of [
      ['lost', 0],
      ['long', 86_400_000],
    ] as const) {
      const [record] = await broker.read([id]);
      expect(record?.result).to.include({ state: 'FAILURE', retries: 0 });
      expect(record?.result.started_at).to.equal(new Date(startedAt).toISOString());
      expect(Date.parse(record?.result.date_done ?? '')).to.be.closeTo(Date.now(), 10_000);
      expect(await filedAt(id)).to.be.closeTo(Date.now() + keptMs, 10_000);
    }
  });

  it('works in bounded steps, however many tasks there are', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add(some(1100));
    const commands = await commandsDuring(config.prefix, async () => {
      expect(await broker.purge('default')).to.equal(1100);
    });
    const steps = commands.filter((name) => name === 'evalsha' || name === 'eval');
    expect(steps).to.have.length.within(3, 4);
    expect(await countWaiting(broker, 'default')).to.equal(0);
  });

  it('frees the deduplication of plain BullMQ producers', async () => {
    const { broker, config } = await startTestBroker();
    const connection = { url: config.redisUrl };
    const queue = new Queue('theirs', { connection, prefix: config.prefix });
    defer(() => queue.close());
    const deduplication = { id: 'once' };
    await queue.add('resize', {}, { jobId: 'first', deduplication });
    expect(await broker.purge('theirs')).to.equal(1);
    await queue.add('resize', {}, { jobId: 'second', deduplication });
    expect(await queue.getWaitingCount()).to.equal(1);
  });
});

describe('a paused queue', () => {
  const note = (ran: string[]) =>
    defineTask('note', {
      run(_input: object, ctx) {
        ran.push(ctx.id);
      },
    });

  it('starts nothing on any worker until it is resumed, and then goes on at once', async () => {
    const test = await startTestBroker();
    const { broker, config } = test;
    const ran: string[] = [];
    const workers = [1, 2].map(() => startTestWorker(config, [note(ran), hold]));
    await Promise.all(workers);
    await broker.add([messageOf('runs', { name: 'hold', body: { kwargs: { ms: 200 } } })]);
    await becomes(test, 'runs', 'STARTED');
    await broker.pause('default', true);
    expect((await broker.queues())[0]).to.include({ name: 'default', paused: true });
    const soon = { name: 'note', body: { kwargs: {}, eta: Date.now() + 100 } };
    const urgent = { name: 'note', body: { kwargs: {}, priority: 9 } };
    await broker.add([
      messageOf('a', { name: 'note' }),
      messageOf('b', urgent),
      messageOf('c', soon),
    ]);
    await becomes(test, 'runs', 'SUCCESS');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ran).to.deep.equal([]);
    const resumedAt = performance.now();
    await broker.pause('default', false);
    await eventually(() => ran.length === 3);
    // Idle workers look for themselves every five seconds only: they were woken.
    expect(performance.now() - resumedAt).to.be.below(4000);
    expect((await broker.queues())[0]).to.include({ paused: false });
  });

  it('does not hold up other queues, and may be paused and resumed twice', async () => {
    const { broker, config } = await startTestBroker();
    const ran: string[] = [];
    await startTestWorker(config, [note(ran)], [{ name: 'default' }, { name: 'mail' }]);
    for (const isPaused of [true, true]) await broker.pause('default', isPaused);
    await broker.add([messageOf('a', { name: 'note' })]);
    await broker.add([messageOf('m', { name: 'note', queue: 'mail' })]);
    await eventually(() => ran.length === 1);
    expect(ran).to.deep.equal(['m']);
    for (const isPaused of [false, false]) await broker.pause('default', isPaused);
    await eventually(() => ran.length === 2);
  });
});
