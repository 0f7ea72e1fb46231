import type { Step } from '../context.ts';

/** The work itself. */
export const runTask: Step = async function runTask(run) {
  run.value = await run.task.run(run.input, run.ctx);
};
