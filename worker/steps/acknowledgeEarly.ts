import { markLost } from '../../shared/scripts.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';

/**
 * At most once (`acksLate: false`): right before the work begins (runTask) the task is marked as
 * failed for the case that its worker is lost. BullMQ then gives it to another one, which fails it
 * without running it. One that only waits for a thread or a process is not marked: it may run.
 */
export const acknowledgeEarly: Step = async function acknowledgeEarly(run, next) {
  if (run.acksLate) return void (await next());
  let marking: Promise<unknown> | undefined;
  run.acknowledge = () => {
    marking ??= mark(run);
    return marking;
  };
  await next();
  if (!marking) return;
  // That Redis did not take it is no failure of the task, which has not begun: it is tried again.
  await marking;
  const isAgain = run.outcome?.kind === 'retry' || run.outcome?.kind === 'later';
  // Of a run that was given up, the mark may be that of the next one here: both say the same.
  if (isAgain && !run.isReleased) await unmark(run);
};

/** One that was revoked a moment ago has a mark already, which stays. */
function mark(run: Run): Promise<unknown> {
  const { redis, clock } = run.tools;
  return markLost(redis, run.job, markOf(run), `${run.start},${clock.now()},`);
}

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
