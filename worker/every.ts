/** The one loop of all periodic duties: a pass, a pause, the next pass; never two at once. */
import { atMost } from '../shared/atMost.ts';
import type { Log } from '../shared/log.ts';
import { isRefusal } from '../shared/redis.ts';

/** A part of a worker that starts and stops with it. */
export interface Service {
  readonly name: string;
  start(): Promise<void> | void;
  stop(): Promise<void> | void;
}

/** Longer timers, Node fires at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds that a pass under way gets at a stop. */
const STOP_WITHIN_MS = 500;

/**
 * A service that makes a pass every `ms` milliseconds, the first at once. A pass that fails is
 * logged and the next one comes all the same; as long as it fails in the same way, there is one line.
 */
export function every(name: string, ms: number, pass: () => Promise<void>, log: Log): Service {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let current: Promise<void> = Promise.resolve();
  let failure: string | undefined;

  const turn = async (): Promise<void> => {
    try {
      await pass();
      failure = undefined;
    } catch (error) {
      if (failure !== String(error)) tellFailure(error, name, log);
      failure = String(error);
    }
    if (!isStopped) timer = setTimeout(start, ms);
  };
  const start = (): void => {
    current = turn();
  };
  return {
    name,
    start,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      // A pass may wait for a Redis that is away: the stop does not.
      await atMost(STOP_WITHIN_MS, current);
    },
  };
}

/** Where a refusal of Redis comes from is of no interest. */
function tellFailure(error: unknown, service: string, log: Log): void {
  const why = isRefusal(error) ? { reason: error.message } : { err: error };
  log.warn({ ...why, service }, 'a periodic duty failed; the next pass comes');
}
