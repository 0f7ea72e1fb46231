/** Waits for facts: repeats an assertion until it holds. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Resolves with what `fact` returns as soon as it neither throws nor returns false or undefined.
 * @param withinMs milliseconds until the last failure is thrown. Default: 30 s, for a busy machine
 */
export async function eventually<T>(
  fact: () => T | false | undefined | Promise<T | false | undefined>,
  withinMs = 30_000,
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const found = await fact();
      if (found !== false && found !== undefined) return found;
      failure = new Error(`Not within ${withinMs} ms: ${fact}`);
    } catch (error) {
      failure = error;
    }
    if (Date.now() >= until) throw failure;
    await sleep(20);
  }
}
