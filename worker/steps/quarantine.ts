import { WorkerLostError } from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';
import { chargeLoss, LOSSES_MAX, noteApart } from '../losses.ts';
import { describeError, type Outcome } from '../outcome.ts';

/** Milliseconds after which a task comes back that found no place. */
const LATER_MS = 2000;

/**
 * A task that was lost with its worker runs apart from then on, in a process of its own (runTask):
 * if it was the one that ended the worker, it ends that process and nothing else.
 */
export const quarantine: Step = async function quarantine(run, next) {
  const { quarantine: places, redis } = run.tools;
  // Lost apart beside others, it may have taken the whole machine down: then no suspect runs beside it.
  const wasSpared = (await redis.hexists(run.job, 'spared')) === 1;
  const leave = await places.enter(wasSpared);
  if (!leave) {
    run.outcome = { kind: 'later', delayMs: LATER_MS, why: 'quarantine' };
    return;
  }
  try {
    if (run.kill.aborted) throw run.kill.reason;
    await noteApart(redis, run.job, run.start);
    await next();
  } finally {
    leave();
  }
  if (isLost(run)) run.outcome = await afterLoss(run);
};

/** One that may run once only has begun, and has failed with its process. */
function isLost({ thrown, hasBegun, isReleased, isRevoked, acksLate }: Run): boolean {
  return thrown instanceof WorkerLostError && hasBegun && acksLate && !isReleased && !isRevoked;
}

async function afterLoss(run: Run): Promise<Outcome> {
  const { message } = describeError(run.thrown);
  const losses = await chargeLoss(run.tools.redis, run.job, run.start);
  if (losses < LOSSES_MAX) return { kind: 'lost', error: describeError(run.thrown) };
  const words = `The task was lost with its worker or process ${losses} times; the last time: ${message}`;
  return { kind: 'failure', error: describeError(new WorkerLostError(words)) };
}
