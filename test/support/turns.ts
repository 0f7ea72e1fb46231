/** How long one turn of the event loop takes. */

/**
 * CPU milliseconds of the longest turn of the loop while `work` is under way: of this process alone, so that
 * what else the machine does is no part of it.
 */
export async function longestTurn(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let isDone = false;
  let before = process.cpuUsage();
  const turn = (): void => {
    const { user, system } = process.cpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
    before = process.cpuUsage();
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    await work();
    // The turn in which the work has ended is one of them.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    isDone = true;
  }
  return longest;
}
