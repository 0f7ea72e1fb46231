import type { Step } from '../context.ts';

/** The work itself. */
export const runTask: Step = async function runTask(run) {
  const { task, runIn, input, ctx, tools, resultMaxBytes } = run;
  const { name } = task;
  if (runIn === 'main') {
    run.begin();
    tools.stalls.enter(name);
    try {
      run.value = await task.run(input, ctx);
    } finally {
      tools.stalls.leave(name);
    }
    return;
  }
  const kill = run.kill.signal;
  const started = run.begin;
  run.value = await tools.pools.run(runIn, { name, input, ctx, kill, started, resultMaxBytes });
};
