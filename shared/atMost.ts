/** Patience that ends: for goodbyes to a Redis that may be away or frozen. */

/** Waits for something that may never come, but no longer than so many milliseconds. */
export async function atMost(ms: number, waiting: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([waiting.catch(() => undefined), enough]);
  clearTimeout(timer);
}
