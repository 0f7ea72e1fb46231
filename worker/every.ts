/** The one loop of all periodic duties: a pass, a pause, the next pass; never two at once. */
import { atMost } from '../shared/atMost.ts';
import type { Log } from '../shared/log.ts';

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
 * logged and the next one comes all the same.
 */
export function every(name: string, ms: number, pass: () => Promise<void>, log: Log): Service {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let current: Promise<void> = Promise.resolve();

  const turn = async (): Promise<void> => {
    try {
      await pass();
    } catch (error) {
      log.warn({ err: error, service: name }, 'a periodic duty failed; the next pass comes');
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
