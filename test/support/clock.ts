/** The clock of this process, for what happens when somebody sets it. */
import { defer } from './defer.ts';

/** To be called before the code under test is made, which may keep the clock; right again after the test. */
export function clockToSet() {
  const real = Date.now;
  let ahead = 0;
  Date.now = () => real() + ahead;
  defer(() => {
    Date.now = real;
  });
  return {
    /** @param ms negative milliseconds set it back */
    setAhead(ms: number) {
      ahead = ms;
    },
  };
}
