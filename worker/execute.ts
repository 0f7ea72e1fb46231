/** The life of one run, read from top to bottom on the way in and back up on the way out. */
import compose from 'koa-compose';
import { hasMiddleware } from '../shared/middleware.ts';
import type { Run, Step } from './context.ts';
import type { Outcome } from './outcome.ts';
import { acknowledgeEarly } from './steps/acknowledgeEarly.ts';
import { awaitTurn } from './steps/awaitTurn.ts';
import { checkInput } from './steps/checkInput.ts';
import { limitTime } from './steps/limitTime.ts';
import { logEnd } from './steps/logEnd.ts';
import { parkUnknown } from './steps/parkUnknown.ts';
import { quarantine } from './steps/quarantine.ts';
import { refuseExpired } from './steps/refuseExpired.ts';
import { refuseRevoked } from './steps/refuseRevoked.ts';
import { retryFailure } from './steps/retryFailure.ts';
import { runMiddleware } from './steps/runMiddleware.ts';
import { runTask } from './steps/runTask.ts';
import { settle } from './steps/settle.ts';
import { tellEvents, tellStart } from './steps/tellEvents.ts';

/** Most runs need half of the steps; one that has nothing to do would cost each of them half a microsecond. */
type Concerns = (run: Run) => boolean;

const always: Concerns = () => true;
const hasLimits: Concerns = ({ limits }) =>
  limits.timeLimit !== undefined || limits.softTimeLimit !== undefined;
/** Limits of starts, or it was parked for one before. */
const takesTurns: Concerns = ({ limits, start }) =>
  limits.intervalMs > 0 || limits.maxConcurrency > 0 || start > 1;

const steps: readonly (readonly [Step, Concerns])[] = [
  [logEnd, always], // one line: id, name, state, runtime
  [tellEvents, always], // received and ended, for those who follow the cluster
  // It waits for a place: what may be over by then, or takes a turn from others, stands below.
  [quarantine, ({ losses, isKnown }) => losses > 0 && isKnown], // what was lost with a worker runs apart from all others
  [refuseExpired, ({ message }) => message.body.expires !== undefined], // what was to start by now is REVOKED instead
  [parkUnknown, ({ isKnown }) => !isKnown], // a task that this worker does not have waits for one that does
  [awaitTurn, takesTurns], // rate and concurrency limits: back to Redis until it is its turn
  [refuseRevoked, (run) => run.isRevoked || takesTurns(run)], // what was revoked until now is not begun
  [acknowledgeEarly, ({ acksLate }) => !acksLate], // acksLate: false, from here on it is never run again
  [tellStart, (run) => run.teller.wanted() || takesTurns(run)], // started, for those who follow the cluster
  [retryFailure, always], // a failure that another run may cure becomes a retry
  [settle, always], // what was returned or thrown becomes the outcome
  [limitTime, hasLimits], // soft limit: the signal; hard limit: the end
  [checkInput, always], // bind args, check by the task's schema
  [runMiddleware, hasMiddleware], // the user's own steps
  [runTask, always], // the work itself: here, in a thread or in a process
];

/** Runs a task through all steps that concern it and says how it ended. */
export async function execute(run: Run): Promise<Outcome> {
  await lifeOf(run)(run);
  if (!run.outcome) throw new Error('No step settled the outcome of the run');
  return run.outcome;
}

type Life = (run: Run) => Promise<void>;

const lives = new Map<number, Life>();

/** Composed once for each choice of steps. */
function lifeOf(run: Run): Life {
  let choice = 0;
  for (const [, concerns] of steps) choice = choice * 2 + (concerns(run) ? 1 : 0);
  const known = lives.get(choice);
  if (known) return known;
  const mine = steps.filter(([, concerns]) => concerns(run)).map(([step]) => step);
  const life = compose<Run>(mine.map(unlessGivenUp));
  lives.set(choice, life);
  return life;
}

/** Wherever a run waits meanwhile, once it is given up nothing more of it begins. */
function unlessGivenUp(step: Step): Step {
  return (run, next) => {
    if (run.kill.aborted) throw run.kill.reason;
    return step(run, next);
  };
}
