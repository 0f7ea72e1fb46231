/** Places for tasks that run apart, each in a process of its own: bounded, for each takes some 60 MB. */
import { availableParallelism } from 'node:os';

export interface Quarantine {
  /**
   * Waits for a place; resolves with what gives it back, or undefined when none was free in time or too many wait.
   * @param isAlone whether it wants all of them
   */
  enter(isAlone: boolean): Promise<(() => void) | undefined>;
}

interface Waiting {
  readonly wanted: number;
  start(): void;
}

export const PLACES = Math.max(4, 2 * availableParallelism());
/** Milliseconds that a task may wait here, in a slot of its worker, before it goes back to Redis. */
const PATIENCE_MS = 5000;

export function createQuarantine(places = PLACES, patienceMs = PATIENCE_MS): Quarantine {
  const waiting = new Set<Waiting>();
  let free = places;

  const admit = (): void => {
    for (const each of waiting) {
      // In order: one that wants all places must get them some day.
      if (each.wanted > free) return;
      waiting.delete(each);
      free -= each.wanted;
      each.start();
    }
  };
  return {
    enter(isAlone) {
      // Each waits in a slot of its worker, where others could run.
      if (waiting.size >= places) return Promise.resolve(undefined);
      const wanted = isAlone ? places : 1;
      return new Promise((resolve) => {
        const leave = () => {
          free += wanted;
          admit();
        };
        const giveUp = () => {
          waiting.delete(entry);
          resolve(undefined);
          admit();
        };
        const timer = setTimeout(giveUp, patienceMs);
        const start = () => {
          clearTimeout(timer);
          resolve(leave);
        };
        const entry: Waiting = { wanted, start };
        waiting.add(entry);
        admit();
      });
    },
  };
}
