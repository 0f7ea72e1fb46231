/** Time that passes when a test says so. */
import { defer } from './defer.ts';

/** What is to be done every so many milliseconds, for a test that cannot wait so long. */
export function interceptIntervals(ms: number): (() => void)[] {
  const calls: (() => void)[] = [];
  const original = globalThis.setInterval;
  const intercepted = (call: () => void, every: number) => {
    if (every === ms) calls.push(call);
    return original(call, every);
  };
  globalThis.setInterval = intercepted as typeof setInterval;
  defer(() => {
    globalThis.setInterval = original;
  });
  return calls;
}
