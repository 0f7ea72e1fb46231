import { Queue } from 'bullmq';
import { expect } from 'chai';
import { defineTask, type Task, type TaskContext } from '../../shared/task.ts';
import { createConsumer } from '../../worker/consumer.ts';
import { createSweeper } from '../../worker/services/sweeper.ts';
import { messageOf, startTestBroker } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog, testConfig } from '../support/redis.ts';
import { storeResults } from '../support/results.ts';
import { testTools } from '../support/tools.ts';
import { startTestWorker } from '../support/worker.ts';

type Run = (input: never, ctx: TaskContext) => unknown;
const taskOf = (name: string, run: Run, retry?: Task['options']['retry']) =>
  defineTask(name, { ...(retry ? { retry } : {}), run });

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

type Test = Awaited<ReturnType<typeof startTestBroker>>;

const read = async ({ broker }: Test, id: string) => (await broker.read([id]))[0]?.result;
const finished = (test: Test, id: string) =>
  eventually(async () => {
    const result = await read(test, id);
    return result?.ready ? result : false;
  });

describe('a worker', () => {
  it('runs sync and async tasks and stores what they return', async () => {
    const test = await startTestBroker();
    await startTestWorker(test.config, [
      taskOf('sync', () => 1),
      taskOf('async', async () => ({ two: 2 })),
    ]);
    await test.broker.add(['sync', 'async'].map((name) => messageOf(name, { name })));
    expect(await finished(test, 'sync')).to.include({ state: 'SUCCESS', result: 1, retries: 0 });
    expect((await finished(test, 'async')).result).to.deep.equal({ two: 2 });
  });

  it('retries under the same id, and tells the task how often', async () => {
    const test = await startTestBroker();
    const seen: [string, number][] = [];
    const flaky = taskOf(
      'flaky',
      (_, ctx) => {
        seen.push([ctx.id, ctx.retries]);
        if (ctx.retries < 2) throw new Error('not yet');
        return 'at last';
      },
      { max: 5, delay: 0.005, jitter: false },
    );
    await startTestWorker(test.config, [flaky]);
    await test.broker.add([messageOf('a', { name: 'flaky' })]);
    expect(await finished(test, 'a')).to.include({
      state: 'SUCCESS',
      result: 'at last',
      retries: 2,
    });
    expect(seen).to.deep.equal([
      ['a', 0],
      ['a', 1],
      ['a', 2],
    ]);
  });

  it('does not retry where the call says 0, although the task would', async () => {
    const test = await startTestBroker();
    const fail = taskOf('fail', () => Promise.reject(new Error('no')), { max: 5, delay: 0.001 });
    await startTestWorker(test.config, [fail]);
    await test.broker.add([messageOf('a', { name: 'fail', body: { kwargs: {}, max_retries: 0 } })]);
    expect(await finished(test, 'a')).to.include({ state: 'FAILURE', retries: 0, max_retries: 0 });
  });

  it('shows progress and the states of the task while it runs, not afterwards', async () => {
    const test = await startTestBroker();
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const upload = taskOf('upload', async (_, ctx) => {
      await ctx.updateState('UPLOADING', { done: 3 });
      await gate;
    });
    const worker = await startTestWorker(test.config, [upload]);
    await test.broker.add([messageOf('a', { name: 'upload' })]);
    const running = await eventually(async () => {
      const result = await read(test, 'a');
      return result?.state === 'UPLOADING' ? result : false;
    });
    expect(running).to.deep.include({ progress: { done: 3 }, worker: worker.name, ready: false });
    letGo();
    expect(await finished(test, 'a')).to.include({
      state: 'SUCCESS',
      result: null,
      progress: null,
    });
  });

  it('puts running tasks back when it stops without grace, not counted as a retry', async () => {
    const test = await startTestBroker();
    const hang = taskOf('hang', (_, ctx) => untilAborted(ctx.signal));
    const worker = await startTestWorker(test.config, [hang]);
    await test.broker.add([messageOf('a', { name: 'hang' })]);
    await eventually(async () => (await read(test, 'a'))?.state === 'STARTED');
    await worker.stop(AbortSignal.abort());
    expect(await read(test, 'a')).to.include({ state: 'PENDING', retries: 0, worker: null });
    await startTestWorker(test.config, [taskOf('hang', () => 'again')]);
    expect(await finished(test, 'a')).to.include({ state: 'SUCCESS', result: 'again' });
  });

  it('runs or fails the jobs of plain BullMQ producers, whatever their data', async () => {
    const test = await startTestBroker();
    await startTestWorker(test.config, [taskOf('echo', (input, { args }) => [input, args])]);
    await test.broker.add([messageOf('ours', { name: 'echo' })]);
    const connection = { url: test.config.redisUrl };
    const queue = new Queue('default', { connection, prefix: test.config.prefix });
    defer(() => queue.close());
    const odd = { args: [1], eta: 'soon', result_expires: 'long', tags: 'x' };
    const table: readonly [id: string, data: unknown, result: unknown][] = [
      ['object', { a: 1 }, [{ a: 1 }, []]],
      ['text', 'hello', [{}, ['hello']]],
      ['list', [1, 2], [{}, [[1, 2]]]],
      ['null', null, [{}, [null]]],
      ['odd', odd, [{}, [1]]],
    ];
    for (const [id, data] of table) await queue.add('echo', data, { jobId: id, attempts: 3 });
    for (const [id, , result] of table) {
      const found = await finished(test, id);
      expect(found.state, id).to.equal('SUCCESS');
      expect(found.result, id).to.deep.equal(result);
    }
  });
});

describe('a consumer that was started anew', () => {
  it('still waits at its stop for what ran before', async () => {
    const test = await startTestBroker();
    let letGo: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const tools = testTools(test.config, [taskOf('wait', () => gate.then(() => 'done'))]);
    const consumer = createConsumer({ queue: 'default', concurrency: 2, tools });
    defer(() => consumer.stop(AbortSignal.abort()));
    await test.broker.add([messageOf('a', { name: 'wait' })]);
    await eventually(() => consumer.active === 1);
    consumer.restart();
    let hasStopped = false;
    const stopped = consumer.stop(new AbortController().signal).then(() => (hasStopped = true));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(hasStopped).to.equal(false);
    letGo();
    await stopped;
    expect(await read(test, 'a')).to.include({ state: 'SUCCESS', result: 'done' });
  });
});

describe('the lifetime of results', () => {
  const fail = () => Promise.reject(new Error('no'));
  for (const [state, batching, run] of [
    ['SUCCESS', 'on', () => 1],
    ['SUCCESS', 'off', () => 1],
    ['FAILURE', 'on', fail],
    ['FAILURE', 'off', fail],
  ] as const) {
    it(`is that of the task, shorter or longer than the default, also in an idle queue: ${state}, with batching ${batching}`, async () => {
      const isSuccess = state === 'SUCCESS';
      const config = testConfig({ resultExpires: 1, batching });
      const test = await startTestBroker(config);
      await startTestWorker(config, [taskOf('work', run)]);
      const withExpiry = (id: string, result_expires?: number) =>
        messageOf(id, {
          name: 'work',
          body: { kwargs: {}, ...(result_expires ? { result_expires } : {}) },
        });
      await test.broker.add([
        withExpiry('short', 0.2),
        withExpiry('long', 600),
        withExpiry('default'),
      ]);
      await eventually(
        async () => (await test.redis.zcard(test.keys.finished('default', isSuccess))) === 3,
      );
      const { redis, keys } = test;
      await redis.del(keys.sweeper);
      const log = silentLog();
      const sweeper = createSweeper({ redis, keys, config, log, everyMs: 50 });
      await sweeper.start();
      defer(() => sweeper.stop());
      const stored = () => redis.zrange(keys.finished('default', isSuccess), '0', '-1');
      await eventually(async () => expect(await stored()).to.deep.equal(['long']));
      expect(
        await redis.exists(keys.job('default', 'short'), keys.job('default', 'default')),
      ).to.equal(0);
      expect(await read(test, 'long')).to.include({ state });
    });
  }

  it('ends a little at a time where their number was lowered, also with each task that ends', async () => {
    for (const batching of ['on', 'off'] as const) {
      const config = testConfig({ resultsMax: 10, batching });
      const test = await startTestBroker(config);
      const { redis, keys } = test;
      const ended = { count: 1000, oldestMs: 60_000, youngestMs: 1000 };
      await storeResults(redis, keys, ended);
      // Somebody else sweeps.
      await redis.set(keys.sweeper, 'another');
      await startTestWorker(config, [taskOf('work', () => 1)]);
      await test.broker.add([messageOf('a', { name: 'work' })]);
      await eventually(async () => (await read(test, 'a'))?.state === 'SUCCESS');
      const left = await redis.zrange(keys.finished('default', true), '0', '-1');
      expect([left.length, left[0], left.at(-1)]).to.deep.equal([901, 'r100', 'a']);
      expect(await redis.exists(keys.job('default', 'r99'))).to.equal(0);
    }
  });

  it('is kept by tasks that were revoked, whatever the workers keep of others', async () => {
    const config = testConfig({ resultExpires: 60 });
    const test = await startTestBroker(config);
    await startTestWorker(config, [taskOf('work', () => 1)]);
    const eta = Date.now() + 60_000;
    await test.broker.add([
      messageOf('long', { body: { kwargs: {}, eta, result_expires: 600 } }),
      messageOf('usual', { body: { kwargs: {}, eta } }),
    ]);
    await test.broker.revoke('long', false);
    await test.broker.revoke('usual', false);
    const failed = test.keys.finished('default', false);
    const [long, usual] = await Promise.all(
      ['long', 'usual'].map((id) => test.redis.zscore(failed, id)),
    );
    // As if it had ended so much later.
    expect(Number(long) - Number(usual)).to.be.within(530_000, 540_000);
  });
});
