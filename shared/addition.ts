/** Tasks as lua/addTasks.lua takes them. */
import type { Keys } from './keys.ts';

/** A task as it is stored. */
export interface StoredTask {
  readonly id: string;
  readonly queue: string;
  readonly name: string;
  /** JSON. */
  readonly data: string;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  /** Milliseconds behind `timestamp`; 0: may be taken at once. */
  readonly delay: number;
  /** As BullMQ counts: 0 is none, then 1 is the most urgent. */
  readonly priority: number;
  readonly unique?: { readonly hash: string; readonly ttlMs: number } | undefined;
}

/** How many tasks a queue may hold, and how many of a batch wait in each at once. */
export interface Limit {
  /** 0: the first write of the batch has asked. */
  readonly max: number;
  /** Its name; '' where one write stores it. */
  readonly batch: string;
  /** Queue -> from this write on. */
  readonly ahead: ReadonlyMap<string, number>;
  /** Queue -> behind this write. */
  readonly later: ReadonlyMap<string, number>;
}

export interface Adding {
  /** Epoch milliseconds of Redis. */
  readonly deadlineMs: number;
  readonly tasks: readonly StoredTask[];
  readonly limit?: Limit | undefined;
}

/** Keys and arguments of the script, and the queues that it numbers from 1. */
export function addition(keys: Keys, { deadlineMs, tasks, limit }: Adding) {
  const counts = new Map<string, number>();
  for (const queue of limit?.ahead.keys() ?? []) counts.set(queue, 0);
  const claims: string[] = [];
  const values: (string | number)[] = [];
  for (const { id, queue, unique } of tasks) {
    counts.set(queue, (counts.get(queue) ?? 0) + 1);
    if (!unique) continue;
    claims.push(keys.unique(unique.hash));
    // Stored is as old as can be: nobody waits for it any more (lua/claimUnique.lua).
    values.push(`0 ${id}`, Math.ceil(unique.ttlMs));
  }
  const names = [...counts.keys()];
  return {
    names,
    keys: [
      keys.queues,
      ...names.map(keys.queueBase),
      ...claims,
      ...(limit ? names.map(keys.held) : []),
    ],
    args: [
      deadlineMs,
      limit?.max ?? 0,
      limit?.batch ?? '',
      counts.size,
      ...[...counts].flatMap(([queue, count]) => [
        queue,
        count,
        limit?.ahead.get(queue) ?? 0,
        limit?.later.get(queue) ?? 0,
      ]),
      claims.length,
      ...values,
      ...groupsOf(tasks, names),
    ],
  };
}

/** What neighbours have in common is said once: of a thousand tasks two values each instead of eight. */
function groupsOf(tasks: readonly StoredTask[], queues: readonly string[]): (string | number)[] {
  const args: (string | number)[] = [];
  let group: StoredTask | undefined;
  let countAt = 0;
  for (const task of tasks) {
    if (!group || !isAlike(group, task)) {
      group = task;
      const { queue, name, timestamp, delay, priority } = task;
      const place = queues.indexOf(queue) + 1;
      countAt = args.push(place, name, optionsOf(task), timestamp, delay, priority, 0) - 1;
    }
    args[countAt] = Number(args[countAt]) + 1;
    args.push(task.id, task.data);
  }
  return args;
}

function isAlike(one: StoredTask, other: StoredTask): boolean {
  return (
    one.name === other.name &&
    one.timestamp === other.timestamp &&
    one.queue === other.queue &&
    one.delay === other.delay &&
    one.priority === other.priority
  );
}

/** What BullMQ stores of a job's options. */
function optionsOf({ delay, priority }: StoredTask): string {
  if (delay === 0 && priority === 0) return '{"attempts":0}';
  return JSON.stringify({
    attempts: 0,
    delay: delay || undefined,
    priority: priority || undefined,
  });
}
