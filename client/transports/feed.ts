/** Items on their way from a callback to a loop. */

export interface Feed<T> {
  push(item: T): void;
  /** Waits for items and yields them, until the signal is aborted. */
  items(signal: AbortSignal): AsyncGenerator<T, void>;
}

/** @param max items that wait for a slow loop; of more, the oldest are dropped */
export function createFeed<T>(max: number): Feed<T> {
  const waiting: T[] = [];
  let wake: () => void = () => undefined;
  return {
    push(item) {
      waiting.push(item);
      if (waiting.length > max) waiting.shift();
      wake();
    },
    async *items(signal) {
      const onAbort = () => wake();
      signal.addEventListener('abort', onAbort);
      try {
        while (!signal.aborted) {
          const item = waiting.shift();
          if (item !== undefined) yield item;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
