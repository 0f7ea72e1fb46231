import { expect } from 'chai';
import { use } from '../../../shared/middleware.ts';
import { defineTask } from '../../../shared/task.ts';
import { runMiddleware } from '../../../worker/steps/runMiddleware.ts';
import { defer } from '../../support/defer.ts';
import { testRun } from '../../support/run.ts';

const task = defineTask('work', { run: () => 1 });

/** Stands for runTask, which keeps what the task returned. */
const returning = (run: { value: unknown }, value: unknown) => async () => {
  run.value = value;
};

describe('the step runMiddleware', () => {
  it('leaves the run as it is while there is no middleware', async () => {
    const { run } = testRun(task);
    await runMiddleware(run, returning(run, 5));
    expect(run.value).to.equal(5);
  });

  it('gives middleware the context and the value of the task, and keeps what it returns', async () => {
    const { run } = testRun(task);
    defer(use(async (ctx, next) => [ctx === run.ctx, await next()]));
    await runMiddleware(run, returning(run, 5));
    expect(run.value).to.deep.equal([true, 5]);
  });

  it('fails as middleware does', async () => {
    const { run } = testRun(task);
    defer(use(() => Promise.reject(new RangeError('no'))));
    const failed = await runMiddleware(run, returning(run, 5)).catch((reason) => reason);
    expect(failed).to.be.instanceOf(RangeError);
  });
});
