/** Children that do not even start are not started again and again. */
import { PermanentError } from '../outcome.ts';

export interface Backoff {
  /** Why the last start failed. */
  readonly failure: Error | undefined;
  /** A start failed; milliseconds until the next one may be made. */
  failed(failure: Error): number;
  /** A child did its work: all is well. */
  reset(): void;
  /** Whether a start may be made now. */
  isOver(): boolean;
}

const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
/** Starts that may fail at once one after another: a signal to the whole group ends a child that cannot ignore it yet. */
const MISHAPS = 2;

/** @param now milliseconds, injected so that tests can aim */
export function createBackoff(now = () => performance.now()): Backoff {
  let failures = 0;
  let mishaps = 0;
  let until = Number.NEGATIVE_INFINITY;
  let failure: Error | undefined;

  const pauseMs = (isHopeless: boolean): number => {
    if (!isHopeless && ++mishaps <= MISHAPS) return 0;
    return Math.min(FIRST_MS * 2 ** failures++, LONGEST_MS);
  };
  return {
    get failure() {
      return failure;
    },
    failed(why) {
      failure = why;
      // One of several that were started at once: it says nothing new.
      if (now() < until) return until - now();
      const pause = pauseMs(why instanceof PermanentError);
      until = now() + pause;
      return pause;
    },
    reset() {
      failures = 0;
      mishaps = 0;
      until = Number.NEGATIVE_INFINITY;
      failure = undefined;
    },
    isOver: () => now() >= until,
  };
}
