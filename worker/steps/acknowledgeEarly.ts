import { markLost } from '../../shared/scripts.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';

/**
 * At most once (`acksLate: false`): before the task starts it is marked as failed for the case that
 * its worker is lost. BullMQ then gives it to another one, which fails it without running it.
 */
export const acknowledgeEarly: Step = async function acknowledgeEarly(run, next) {
  if (run.acksLate) return void (await next());
  // One that was revoked a moment ago has a mark already, which stays.
  const { redis, clock } = run.tools;
  await markLost(redis, run.job, markOf(run), `${run.start},${clock.now()},`);
  await next();
  const isAgain = run.outcome?.kind === 'retry' || run.outcome?.kind === 'later';
  // Of a run that was given up, the mark may be that of the next one here: both say the same.
  if (isAgain && !run.isReleased) await unmark(run);
};

/** It may run again: takes the mark away. */
export async function unmark(run: Run): Promise<void> {
  await markLost(run.tools.redis, run.job, markOf(run), '');
}

function markOf({ tools }: Run): string {
  const { name, message } = new WorkerLostError(
    `The worker "${tools.worker}" was lost while it ran this task (acksLate: false)`,
  );
  return `${name}: ${message}`;
}
