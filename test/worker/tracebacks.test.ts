/** What a traceback shows of errors that Kaje itself throws into a task, and of middleware. */
import { expect } from 'chai';
import { defineTask, type TaskContext, use } from '../../client/index.ts';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { startTestWorker } from '../support/worker.ts';

/** The frames of a task that fails: its own, each with the file. */
async function framesOf(run: (ctx: TaskContext) => unknown): Promise<string[]> {
  const api = await startTestApi();
  const task = defineTask('fails', { run: (_: object, ctx) => run(ctx) });
  await startTestWorker(api.config, [task]);
  await api.post('/v1/send_task', { name: 'fails', task_id: 't' });
  const { error }: AsyncResultBody = await eventually(async () => {
    const { body } = await api.get('/v1/tasks/t');
    return body.ready && body;
  });
  return error?.traceback.split('\n').filter((line) => line.startsWith('    at ')) ?? [];
}

describe('the traceback', () => {
  const faults: Readonly<Record<string, (ctx: TaskContext) => unknown>> = {
    'ctx.send of an unknown task': (ctx) => ctx.send('nobody'),
    'ctx.send of what is no JSON': (ctx) => ctx.send('fails', { n: 1n }),
    'ctx.retry after no time at all': (ctx) => ctx.retry({ countdown: Number.NaN }),
    'ctx.updateState to a state of Kaje': (ctx) => ctx.updateState('SUCCESS', {}),
  };
  for (const [what, run] of Object.entries(faults)) {
    it(`of ${what} shows the line of the task and no frames of ours`, async () => {
      const frames = await framesOf(async (ctx) => await run(ctx));
      expect(frames.join('\n')).to.match(/tracebacks\.test\.ts:\d+/);
      for (const frame of frames) expect(frame).not.to.match(/\/(worker|shared)\/(?!tracebacks)/);
    });
  }

  it('of middleware shows the middleware', async () => {
    defer(
      use(async function audit() {
        throw new Error('not today');
      }),
    );
    const frames = await framesOf(() => 1);
    expect(frames).to.have.length(1);
    expect(frames[0]).to.match(/at audit \(.*tracebacks\.test\.ts:\d+/);
  });
});
