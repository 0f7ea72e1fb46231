/** The life of one run, read from top to bottom on the way in and back up on the way out. */
import compose from 'koa-compose';
import type { Run, Step } from './context.ts';
import type { Outcome } from './outcome.ts';
import { acknowledgeEarly } from './steps/acknowledgeEarly.ts';
import { awaitTurn } from './steps/awaitTurn.ts';
import { checkInput } from './steps/checkInput.ts';
import { limitTime } from './steps/limitTime.ts';
import { logEnd } from './steps/logEnd.ts';
import { parkUnknown } from './steps/parkUnknown.ts';
import { refuseExpired } from './steps/refuseExpired.ts';
import { refuseRevoked } from './steps/refuseRevoked.ts';
import { retryFailure } from './steps/retryFailure.ts';
import { runMiddleware } from './steps/runMiddleware.ts';
import { runTask } from './steps/runTask.ts';
import { settle } from './steps/settle.ts';
import { tellEvents, tellStart } from './steps/tellEvents.ts';

/** Wherever a run waits meanwhile, once it is given up nothing more of it begins. */
const unlessGivenUp =
  (step: Step): Step =>
  (run, next) => {
    run.kill.signal.throwIfAborted();
    return step(run, next);
  };

const steps = [
  logEnd, // one line: id, name, state, runtime
  tellEvents, // received and ended, for those who follow the cluster
  refuseExpired, // what was to start by now is REVOKED instead
  parkUnknown, // a task that this worker does not have waits for one that does
  awaitTurn, // rate and concurrency limits: back to Redis until it is its turn
  refuseRevoked, // what was revoked until now is not begun
  acknowledgeEarly, // acksLate: false, from here on it is never run again
  tellStart, // started, for those who follow the cluster
  retryFailure, // a failure that another run may cure becomes a retry
  settle, // what was returned or thrown becomes the outcome
  limitTime, // soft limit: the signal; hard limit: the end
  checkInput, // bind args, check by the task's schema
  runMiddleware, // the user's own steps
  runTask, // the work itself: here, in a thread or in a process
];
const life = compose<Run>(steps.map(unlessGivenUp));

/** Runs a task through all steps and says how it ended. */
export async function execute(run: Run): Promise<Outcome> {
  await life(run);
  if (!run.outcome) throw new Error('No step settled the outcome of the run');
  return run.outcome;
}
