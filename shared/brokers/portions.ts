/**
 * How many tasks are looked up by their ids at once. Which queue holds a task nobody knows, so each
 * is looked for in every queue that was ever named; one look takes Redis about a microsecond.
 */

/** Looks in one script, which keeps everybody else from Redis: 20 ms. */
const LOOKS_IN_SCRIPT = 20_000;
/** Looks under way, behind which other commands of this connection wait: 50 ms. */
const LOOKS_UNDER_WAY = 50_000;
/** Tasks in one script, which reads those that it finds. */
const TASKS_IN_SCRIPT = 100;

/** Tasks that one script may look for in so many queues. */
export function tasksInScript(queueCount: number): number {
  return Math.min(TASKS_IN_SCRIPT, fitting(LOOKS_IN_SCRIPT, queueCount));
}

/** Scripts that may be sent together, each of which looks for so many tasks. */
export function scriptsUnderWay(queueCount: number, tasks: number): number {
  return fitting(LOOKS_UNDER_WAY, queueCount * tasks);
}

function fitting(looks: number, each: number): number {
  return Math.max(1, Math.floor(looks / Math.max(1, each)));
}

export function portionsOf<T>(items: readonly T[], size: number): T[][] {
  const portions: T[][] = [];
  for (let i = 0; i < items.length; i += size) portions.push(items.slice(i, i + size));
  return portions;
}
