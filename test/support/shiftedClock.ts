/** Processes whose clock is wrong, on any machine: in them `Date` shows another time, and nothing else changes. */

/**
 * The environment of a Node process whose clock is so many milliseconds ahead; of others it is the same.
 * What measures spans (performance.now, timers) goes right in it, as on a machine whose clock is wrong.
 */
export function clockAhead(ms: number): NodeJS.ProcessEnv {
  const code = `
    const Real = Date;
    globalThis.Date = class Date extends Real {
      constructor(...given) {
        super(...(given.length === 0 ? [Real.now() + ${ms}] : given));
      }
      static now() {
        return Real.now() + ${ms};
      }
    };`;
  // No space may stand in it.
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}
