import type { Run, Step } from '../context.ts';

/** The work itself. */
export const runTask: Step = async function runTask(run) {
  const { task, runIn, input, ctx, tools, resultMaxBytes } = run;
  const { name } = task;
  if (runIn === 'main') {
    begin(run);
    tools.stalls.enter(name);
    try {
      run.value = await task.run(input, ctx);
    } finally {
      tools.stalls.leave(name);
    }
    return;
  }
  const kill = run.kill.signal;
  const started = () => begin(run);
  run.value = await tools.pools.run(runIn, { name, input, ctx, kill, started, resultMaxBytes });
};

function begin(run: Run): void {
  run.hasBegun = true;
  run.begin();
}
