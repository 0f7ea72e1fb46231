/** Time that passes when a test says so. */
import { defer } from './defer.ts';

/**
 * What is to be done every so many milliseconds, for a test that cannot wait so long; without what
 * was cleared since.
 */
export function interceptIntervals(ms: number): (() => void)[] {
  const calls: (() => void)[] = [];
  const byTimer = new Map<unknown, () => void>();
  const { setInterval: set, clearInterval: clear } = globalThis;
  const intercepted = (call: () => void, every: number) => {
    const timer = set(call, every);
    if (every === ms) {
      calls.push(call);
      byTimer.set(timer, call);
    }
    return timer;
  };
  const cleared = (timer: NodeJS.Timeout | undefined) => {
    const call = byTimer.get(timer);
    if (call) calls.splice(calls.indexOf(call), 1);
    byTimer.delete(timer);
    clear(timer);
  };
  Object.assign(globalThis, { setInterval: intercepted, clearInterval: cleared });
  defer(() => Object.assign(globalThis, { setInterval: set, clearInterval: clear }));
  return calls;
}
