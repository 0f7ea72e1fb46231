import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import type { TaskOptions } from '../../../shared/taskOptions.ts';
import type { Run } from '../../../worker/context.ts';
import { createRunning } from '../../../worker/running.ts';
import { awaitTurn } from '../../../worker/steps/awaitTurn.ts';
import { eventually } from '../../support/eventually.ts';
import { testRun } from '../../support/run.ts';

const single = (options: TaskOptions = { maxConcurrency: 1 }) =>
  testRun(defineTask('single', { ...options, run: () => 1 })).run;

/** Jobs of the task that hold a place. */
const holders = ({ tools: { redis, keys } }: Run) =>
  redis.zrange(keys.running('single'), '0', '-1');

const never = () => Promise.reject(new Error('the next step was called'));

describe('the step awaitTurn', () => {
  it('asks nothing for a task without limits', async () => {
    const run = single({});
    let isRun = false;
    await awaitTurn(run, async () => {
      isRun = true;
    });
    expect(isRun).to.equal(true);
    const { redis, keys } = run.tools;
    expect(await redis.keys(`${keys.prefix}*`)).to.deep.equal([]);
  });

  it('holds a place while the task runs, and gives it back, whatever becomes of the run', async () => {
    const run = single();
    const failure = new Error('no');
    const thrown = await awaitTurn(run, async () => {
      expect(await holders(run)).to.deep.equal([run.job]);
      throw failure;
    }).catch((error: unknown) => error);
    expect(thrown).to.equal(failure);
    await eventually(async () => (await holders(run)).length === 0);
  });

  it('puts off one that has no place', async () => {
    const run = single();
    const other = { ...run, job: `${run.job}-other` };
    await run.tools.redis.set(`${run.job}:lock`, 'token');
    await awaitTurn(run, async () => {
      await awaitTurn(other, never);
    });
    const why = 'concurrency limit';
    expect(other.outcome).to.deep.include({ kind: 'later', delayMs: 60_000, why });
  });

  it('calls one back for which a place became free before it stood in the line', async () => {
    const run = single();
    const other = { ...run, job: `${run.job}-other` };
    const { redis, keys } = run.tools;
    const base = keys.queueBase('default');
    await redis.hset(other.job, { name: 'single' });
    await awaitTurn(run, async () => {
      await redis.set(`${run.job}:lock`, 'token');
      await awaitTurn(other, never);
    });
    await eventually(async () => (await holders(run)).length === 0);
    await redis.zadd(`${base}delayed`, (Date.now() + 60_000) * 4096, 'id-1-other');
    if (other.outcome?.kind === 'later') other.outcome.onceStored?.();
    await eventually(async () => (await redis.llen(`${base}wait`)) === 1);
    expect(await holders(run)).to.deep.equal([other.job]);
  });

  it('leaves the place to a run that another worker has taken over', async () => {
    const run = single();
    await awaitTurn(run, async () => createRunning(run).lose());
    expect(await holders(run)).to.deep.equal([run.job]);
  });

  it('leaves the place to the next run of one that was put back', async () => {
    const run = single();
    await awaitTurn(run, async () => createRunning(run).release());
    expect(await holders(run)).to.deep.equal([run.job]);
  });

  it('gives the place of one that was terminated back at once, though its run goes on', async () => {
    const run = single();
    await awaitTurn(run, async () => {
      createRunning(run).revoke(true);
      await eventually(async () => (await holders(run)).length === 0);
    });
  });
});
