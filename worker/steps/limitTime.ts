import { SoftTimeLimitExceeded, TimeLimitExceeded } from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';
import { LONGEST_TIMER_MS } from '../every.ts';

/**
 * Asks a run that takes too long to stop, and later ends it. The time counts from the start of the
 * work itself: a run that waits for a free thread or process loses none of it.
 */
export const limitTime: Step = async function limitTime(run, next) {
  const { timeLimit, softTimeLimit } = run.limits;
  if (timeLimit === undefined && softTimeLimit === undefined) return void (await next());
  const timers: (NodeJS.Timeout | undefined)[] = [];
  const tooLong = new Promise<never>((_, reject) => {
    run.begin = () => {
      timers.push(
        after(softTimeLimit, (seconds) => run.abort.abort(new SoftTimeLimitExceeded(seconds))),
        after(timeLimit, (seconds) => reject(end(run, seconds))),
      );
    };
  });
  const work = next();
  // Of a run that was abandoned, nobody wants to know how it ends.
  work.catch(() => undefined);
  try {
    await Promise.race([work, tooLong]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
};

function end(run: Run, seconds: number): TimeLimitExceeded {
  const error = new TimeLimitExceeded(seconds);
  run.kill.abort(error);
  run.abort.abort(error);
  return error;
}

function after(
  seconds: number | undefined,
  then: (seconds: number) => void,
): NodeJS.Timeout | undefined {
  if (seconds === undefined || seconds * 1000 > LONGEST_TIMER_MS) return undefined;
  return setTimeout(then, seconds * 1000, seconds);
}
