/** Long work in portions, so that others have their turn between. */
import { setImmediate as yieldToLoop } from 'node:timers/promises';

/** Milliseconds for which work goes on at a stretch. */
const STRETCH_MS = 10;

/**
 * A question to ask between two parts of the work: undefined where it may go on, else a promise to wait for, by
 * which everybody else has had a turn. By time, not by count: one task of a batch may take as long as a thousand.
 */
export function createPauses(): () => Promise<void> | undefined {
  let since = performance.now();
  const pause = async (): Promise<void> => {
    await yieldToLoop();
    since = performance.now();
  };
  return () => (performance.now() - since < STRETCH_MS ? undefined : pause());
}
