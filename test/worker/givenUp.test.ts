/** Runs that are given up before their work has begun: it does not begin any more. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { takeTurn } from '../../shared/turns.ts';
import { execute } from '../../worker/execute.ts';
import { createRunning } from '../../worker/running.ts';
import { eventually } from '../support/eventually.ts';
import { gate, type Life, startLife } from '../support/life.ts';
import { testRun } from '../support/run.ts';
import { startTestWorker } from '../support/worker.ts';

/** A task whose check waits until it is let go. */
function slowlyChecked(options: TaskOptions = {}) {
  const { open, opened } = gate();
  const seen = { checks: 0, runs: 0, open };
  const input: StandardSchemaV1<object> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      async validate(value) {
        seen.checks++;
        await opened;
        return { value: value as object };
      },
    },
  };
  const run = () => ++seen.runs;
  return { seen, task: defineTask('slow', { ...options, input, run }) };
}

const jobOf = ({ keys }: Life) => keys.job('default', 'a');

describe('a task whose work has not begun', () => {
  it('does not begin once it is terminated', async () => {
    const life = await startLife();
    const { task, seen } = slowlyChecked();
    await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 1 }]);
    await life.send('slow', ['a', 'b']);
    await eventually(() => seen.checks === 1);
    await life.broker.revoke('a', true);
    // Its slot is free: the worker has heard of it.
    await eventually(() => seen.checks === 2);
    seen.open();
    await life.end('b');
    expect(seen.runs).to.equal(1);
  });

  for (const acksLate of [true, false]) {
    it(`goes back to its queue when its worker stops, acksLate ${acksLate}, and runs once`, async () => {
      const life = await startLife();
      const { task, seen } = slowlyChecked({ acksLate });
      const worker = await startTestWorker(life.config, [task]);
      await life.send('slow', ['a']);
      await eventually(() => seen.checks === 1);
      await worker.stop(AbortSignal.abort());
      seen.open();
      expect(await life.read('a')).to.include({ state: 'PENDING', retries: 0, error: null });
      expect(await life.redis.hget(jobOf(life), 'defa')).to.equal(null);
      await startTestWorker(life.config, [task]);
      expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 1 });
      expect(seen).to.include({ checks: 2, runs: 1 });
    });
  }

  it('is not marked as lost when it gets its turn after it was put back', async () => {
    const task = defineTask('single', { maxConcurrency: 1, acksLate: false, run: () => 1 });
    const { run } = testRun(task);
    const { redis, keys } = run.tools;
    await redis.hset(run.job, 'name', 'single');
    // Defines the command, whose answer is then kept back.
    await takeTurn(
      redis,
      keys,
      { task: 'single', job: run.job },
      { intervalMs: 0, maxConcurrency: 1 },
    );
    const { open, opened } = gate();
    const ask = Reflect.get(redis, 'kaje:turns').bind(redis);
    Reflect.set(redis, 'kaje:turns', async (...args: unknown[]) => {
      const answer = await ask(...args);
      await opened;
      return answer;
    });
    const running = createRunning(run);
    const executed = execute(run).catch((error: unknown) => error);
    running.release();
    open();
    expect(await executed).to.be.an('error');
    expect(await redis.hget(run.job, 'defa')).to.equal(null);
    expect(run.hasBegun).to.equal(false);
  });

  it('goes through no step at all where it was given up before', async () => {
    const { run } = testRun(defineTask('late', { run: () => 1 }), { isKnown: false });
    createRunning(run).revoke(true);
    expect(await execute(run).catch((error: unknown) => error)).to.equal(run.kill.signal.reason);
    const { redis, keys } = run.tools;
    expect(await redis.exists(keys.parked('late'))).to.equal(0);
  });
});
