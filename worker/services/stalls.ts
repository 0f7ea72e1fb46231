/** Notices when a task blocks the worker's event loop, and names it. */
import type { Log } from '../../shared/log.ts';
import type { Service } from '../every.ts';
import type { Pulse } from '../pulse.ts';

export interface Stalls extends Service {
  /** A task of this name begins on the loop; to be told of its end by `leave`. */
  enter(name: string): void;
  leave(name: string): void;
}

export interface StallsOptions {
  /** Told of all that happens here, for a thread that watches the loop. */
  readonly pulse: Pulse;
  readonly log: Log;
  /** Milliseconds between two looks. Default: 200 */
  readonly everyMs?: number;
}

/** Milliseconds of a stall that is told: no task is lost by it, but all others wait meanwhile. */
const STALL_MS = 1000;
/** Names in one line. */
const NAMES_MAX = 10;

/** A timer that comes late tells of a loop that was blocked: by one of the tasks that were on it since. */
export function createStalls({ pulse, log, everyMs = 200 }: StallsOptions): Stalls {
  let timer: NodeJS.Timeout | undefined;
  let lookedAt = 0;
  /** One that blocked the loop until its end is gone when the timer comes. */
  const since = new Set<string>();

  const look = (): void => {
    pulse.tick();
    const lag = Math.round(performance.now() - lookedAt - everyMs);
    lookedAt = performance.now();
    // The latest first: it was likely that one.
    const suspects = [...since].reverse().slice(0, NAMES_MAX);
    since.clear();
    for (const name of pulse.running()) since.add(name);
    if (lag < STALL_MS) return;
    log.warn(
      { loop_lag_ms: lag, tasks: suspects },
      'the event loop was blocked: run tasks that compute with runIn "thread" or "process"',
    );
  };
  return {
    name: 'stalls',
    start() {
      lookedAt = performance.now();
      timer = setInterval(look, everyMs);
    },
    stop() {
      clearInterval(timer);
    },
    enter(name) {
      pulse.enter(name);
      since.add(name);
    },
    leave: pulse.leave,
  };
}
