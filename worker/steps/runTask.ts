import { WorkerLostError } from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';
import { PermanentError } from '../outcome.ts';

/** The work itself. */
export const runTask: Step = async function runTask(run) {
  if (run.losses > 0 && run.tools.pools.canRunApart) return runApart(run);
  return runAtHome(run);
};

/** Where the task says. */
async function runAtHome(run: Run): Promise<void> {
  const { task, runIn, input, ctx, tools } = run;
  if (runIn !== 'main') {
    run.value = await tools.pools.run(runIn, { ...childRun(run), input });
    return;
  }
  if (run.acknowledge) await acknowledged(run, run.acknowledge);
  begin(run);
  tools.stalls.enter(task.name);
  try {
    run.value = await task.run(input, ctx);
  } finally {
    tools.stalls.leave(task.name);
  }
}

/** Also a task of the main loop, which gets the input that it would get there. */
async function runApart(run: Run): Promise<void> {
  const { runIn, input, losses, tools, log } = run;
  const copied = runIn === 'main' ? {} : { input };
  run.isApart = true;
  try {
    const how = { isFresh: losses > 1, home: runIn };
    run.value = await tools.pools.runApart({ ...childRun(run), ...copied }, how);
  } catch (error) {
    if (!isOfNoProcess(error, run)) throw error;
    run.isApart = false;
    log.warn({ reason: error.message }, 'a lost task cannot run in a process of its own');
    await runAtHome(run);
  }
}

/** Whether there is no process that has the task: one that did not start, or has not imported it. */
function isOfNoProcess(error: unknown, { hasBegun, kill }: Run): error is Error {
  if (kill.aborted) return false;
  if (error instanceof WorkerLostError) return !hasBegun;
  // Only what that process has imported, if anything, is called so: the task has not begun.
  return error instanceof PermanentError && error.name === 'NotRegistered';
}

function childRun(run: Run) {
  const { task, ctx, resultMaxBytes, acknowledge } = run;
  const started = () => begin(run);
  const prepare = acknowledge;
  return { name: task.name, ctx, kill: run.kill.signal, prepare, started, resultMaxBytes };
}

/** It may be given up meanwhile: then it does not begin. */
async function acknowledged({ kill }: Run, acknowledge: () => Promise<unknown>): Promise<void> {
  await acknowledge();
  if (kill.aborted) throw kill.reason;
}

function begin(run: Run): void {
  run.hasBegun = true;
  run.begin();
}
