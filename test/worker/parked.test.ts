/** Tasks of a name that a worker does not have: during a deployment some have it and some not yet. */
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { createConsumer } from '../../worker/consumer.ts';
import { parkUnknown } from '../../worker/steps/parkUnknown.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { ids, type Life, startLife } from '../support/life.ts';
import { collectLog } from '../support/log.ts';
import { testRun } from '../support/run.ts';
import { testTools } from '../support/tools.ts';
import { startTestWorker } from '../support/worker.ts';

/** Notes the order in which it ran. */
function newTask(options: TaskOptions = {}) {
  const order: string[] = [];
  const task = defineTask('new', {
    ...options,
    run: (_: object, { id }) => void order.push(id),
  });
  return { task, order };
}

const old = defineTask('old', { run: () => 'old' });

/** Tasks that an old worker has looked at so often that the next look is a minute away. */
async function parkLong(life: Life, names: readonly string[], body: object = {}) {
  const { redis, keys, broker } = life;
  await broker.pause('default', true);
  await life.send('new', names, body);
  for (const id of names) await redis.hset(keys.job('default', id), 'ats', 20);
  await broker.pause('default', false);
  const worker = await startTestWorker(life.config, [old]);
  for (const id of names) await life.once(id, ({ eta }) => eta !== null);
  return worker;
}

describe('a task that its worker does not have', () => {
  it('is told once by the worker that lacks it, however often it comes by', async () => {
    const { log, lines } = collectLog('warn');
    const life = await startLife();
    const tools = testTools(life.config, [old], { log });
    const consumer = createConsumer({ queue: 'default', concurrency: 1, tools });
    defer(() => consumer.stop(AbortSignal.abort()));
    await life.send('new', ['a', 'b']);
    await eventually(async () => consumer.totals.fetched >= 4);
    const told = lines.filter(({ msg }) => msg.includes('has no task "new"'));
    expect(told).to.have.length(1);
  });

  it('counts no runs of its retries as looks', async () => {
    const { run } = testRun(newTask().task, { isKnown: false, retries: 6 });
    const later = Object.assign(run, { start: 7 });
    await parkUnknown(later, () => Promise.reject(new Error('the next step was called')));
    expect(later.outcome).to.deep.include({ kind: 'later', delayMs: 200 });
  });

  it('stays PENDING and is looked at less and less often, at last once a minute', async () => {
    const { task } = newTask();
    const delays: unknown[] = [];
    for (const start of [1, 2, 3, 4, 9, 10, 5000]) {
      const { run } = testRun(task, { isKnown: false });
      const later = Object.assign(run, { start });
      await parkUnknown(later, () => Promise.reject(new Error('the next step was called')));
      delays.push(later.outcome);
    }
    const expected = [200, 400, 800, 1600, 51_200, 60_000, 60_000];
    const why = 'no such task here';
    expect(delays).to.deep.equal(expected.map((delayMs) => ({ kind: 'later', delayMs, why })));
  });

  it('is never lost, and holds no other up', async () => {
    const life = await startLife();
    await startTestWorker(life.config, [old], [{ name: 'default', concurrency: 1 }]);
    await life.send('new', ['a'], { max_retries: 5 });
    await life.send('old', ['b']);
    expect(await life.end('b')).to.include({ state: 'SUCCESS' });
    const { redis, keys } = life;
    const starts = async () => Number(await redis.hget(keys.job('default', 'a'), 'ats'));
    await eventually(async () => (await starts()) >= 3);
    const waits = await life.once('a', ({ eta }) => eta !== null);
    expect(waits).to.include({ state: 'PENDING', retries: 0, error: null, ready: false });
  });

  it('runs at once when a worker that has it starts, in the order in which it came', async () => {
    const life = await startLife();
    const names = ids(5);
    const unknowing = await parkLong(life, names);
    await unknowing.stop();
    const { task, order } = newTask();
    await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 1 }]);
    await eventually(() => order.length === 5);
    expect(order).to.deep.equal(names);
    expect(await life.redis.zcard(life.keys.parked('new'))).to.equal(0);
  });

  it('comes before what was sent later, and keeps its priority', async () => {
    const life = await startLife();
    const unknowing = await parkLong(life, ['low'], { priority: 2 });
    await unknowing.stop();
    const { task, order } = newTask();
    await life.send('new', ['later-low'], { priority: 2 });
    await life.send('new', ['middle']);
    await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 1 }]);
    await eventually(() => order.length === 3);
    expect(order).to.deep.equal(['middle', 'low', 'later-low']);
  });

  it('runs where workers with and without it share the queue', async () => {
    const life = await startLife();
    const { task, order } = newTask();
    const one = [{ name: 'default', concurrency: 1 }];
    await startTestWorker(life.config, [old], one);
    await startTestWorker(life.config, [old, task], one);
    await life.send('new', ids(30));
    await life.send('old', ids(30, 'o'));
    await eventually(() => order.length === 30);
    for (const id of ids(30, 'o')) expect(await life.end(id)).to.include({ state: 'SUCCESS' });
    expect(new Set(order).size).to.equal(30);
  });

  it('is REVOKED for good where it is parked', async () => {
    const life = await startLife();
    const unknowing = await parkLong(life, ['a', 'b']);
    await unknowing.stop();
    expect(await life.broker.revoke('a', false)).to.include({ state: 'REVOKED' });
    const { task, order } = newTask();
    await startTestWorker(life.config, [task]);
    await life.end('b', 5000);
    expect(order).to.deep.equal(['b']);
    expect(await life.read('a')).to.include({ state: 'REVOKED' });
  });

  it('is REVOKED where nobody had it until it expired, though nobody reads it', async () => {
    const life = await startLife();
    await startTestWorker(life.config, [old]);
    await life.send('new', ['a'], { expires: Date.now() + 300 });
    const { redis, keys } = life;
    await eventually(async () => (await redis.zcard(keys.finished('default', false))) === 1);
    expect((await life.read('a')).error).to.include({ type: 'TaskExpired' });
  });

  it('leaves no line behind of a name that no worker has any more', async () => {
    const { run } = testRun(newTask().task, { isKnown: false });
    const { redis, keys } = run.tools;
    const line = keys.parked(run.message.name);
    const look = () =>
      parkUnknown(run, () => Promise.reject(new Error('the next step was called')));
    await look();
    await redis.expire(line, 60);
    await look();
    expect(await redis.ttl(line)).to.be.within(86_000, 86_400);
  });

  for (const [why, options] of [
    ['', {}],
    [' and has a limit', { maxConcurrency: 5 }],
  ] as const) {
    it(`is not started early later on, when it was parked once${why}`, async () => {
      const life = await startLife();
      const unknowing = await startTestWorker(life.config, [old]);
      await life.send('new', ['a'], { max_retries: 1 });
      await life.once('a', ({ eta }) => eta !== null);
      await unknowing.stop();
      // A consumer alone: nobody takes parked tasks back.
      let runs = 0;
      const fails = defineTask('new', {
        ...options,
        retry: { max: 1, delay: 3600, maxDelay: 3600, jitter: false },
        run() {
          runs++;
          throw new Error('not yet');
        },
      });
      const tools = testTools(life.config, [fails]);
      const consumer = createConsumer({ queue: 'default', concurrency: 1, tools });
      defer(() => consumer.stop(AbortSignal.abort()));
      const before = await life.becomes('a', 'RETRY');
      await startTestWorker(life.config, [fails]);
      await life.send('new', ['b']);
      await life.becomes('b', 'RETRY');
      expect(await life.read('a')).to.deep.equal(before);
      expect(runs).to.equal(2);
    });
  }
});
