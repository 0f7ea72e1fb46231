/** The life of one run, read from top to bottom on the way in and back up on the way out. */
import compose from 'koa-compose';
import type { Run } from './context.ts';
import type { Outcome } from './outcome.ts';
import { checkInput } from './steps/checkInput.ts';
import { logEnd } from './steps/logEnd.ts';
import { retryFailure } from './steps/retryFailure.ts';
import { runTask } from './steps/runTask.ts';
import { settle } from './steps/settle.ts';

const steps = compose<Run>([
  logEnd, // one line: id, name, state, runtime
  retryFailure, // a failure that another run may cure becomes a retry
  settle, // what was returned or thrown becomes the outcome
  checkInput, // bind args, check by the task's schema
  runTask, // the work itself
]);

/** Runs a task through all steps and says how it ended. */
export async function execute(run: Run): Promise<Outcome> {
  await steps(run);
  if (!run.outcome) throw new Error('No step settled the outcome of the run');
  return run.outcome;
}
