/** Reads the records of tasks, whatever queue holds them. */
import type { Redis } from 'ioredis';
import { FIELDS, type FoundTask } from '../jobHash.ts';
import type { Keys } from '../keys.ts';
import { answered } from '../redis.ts';
import { recordOf, type TaskRecord } from '../results.ts';
import { readTasks } from '../scripts.ts';

/** Ids in one call of the script, which Redis runs in one go. */
const READS_AT_ONCE = 100;

/** What is done with tasks whose time is over, by whoever finds them. */
export interface Overdue {
  /** Its result has expired. */
  remove(queue: string, id: string): Promise<unknown>;
  /** They have not started in time. */
  expire(ids: readonly string[]): Promise<unknown>;
}

/** Looks tasks up in every queue that is known, and in those named since when one is missing. */
export function createReader(
  redis: Redis,
  keys: Keys,
  now: () => number,
  { remove, expire }: Overdue,
) {
  let known: string[] = [];

  const queueNames = async (): Promise<string[]> => {
    known = (await answered(redis, redis.smembers(keys.queues))).sort();
    return known;
  };

  const readChunk = async (
    bases: readonly string[],
    ids: readonly string[],
  ): Promise<(FoundTask | null)[]> => {
    const found = await answered(redis, readTasks(redis, bases, FIELDS, ids));
    // Large results come in several replies.
    if (found.length >= ids.length) return found;
    return [...found, ...(await readChunk(bases, ids.slice(found.length)))];
  };

  const readFrom = async (queues: readonly string[], ids: readonly string[]) => {
    if (queues.length === 0) return ids.map(() => null);
    const bases = queues.map(keys.queueBase);
    const chunks = chunked(ids, READS_AT_ONCE).map((some) => readChunk(bases, some));
    const found = (await Promise.all(chunks)).flat();
    return Promise.all(ids.map((id, i) => toRecord(id, queues, found[i] ?? null)));
  };

  const toRecord = async (id: string, queues: readonly string[], found: FoundTask | null) => {
    if (!found) return null;
    // Lua counts from 1.
    const queue = queues[found[0] - 1] ?? '';
    const record = recordOf(id, queue, found, now());
    // Expired but not swept yet: removed by whoever finds it, or its id could not be used again.
    if (!record) await answered(redis, remove(queue, id));
    return record;
  };

  const read = async (ids: readonly string[]): Promise<(TaskRecord | null)[]> => {
    const records = await readFrom(known, ids);
    const missing = ids.filter((_, i) => records[i] === null);
    if (missing.length === 0) return records;
    const before = new Set(known);
    const added = (await queueNames()).filter((name) => !before.has(name));
    if (added.length === 0) return records;
    const late = await readFrom(added, missing);
    const byId = new Map(missing.map((id, i) => [id, late[i] ?? null]));
    return ids.map((id, i) => records[i] ?? byId.get(id) ?? null);
  };

  /** What has expired is REVOKED for good before anybody is told so: a slow clock must not run it. */
  const expiring = (readThem: typeof read): typeof read => {
    return async (ids) => {
      const records = await readThem(ids);
      const overdue = ids.filter((_, i) => records[i]?.isOverdue);
      if (overdue.length === 0) return records;
      await expire(overdue);
      const byId = new Map<string, TaskRecord | null>();
      const again = await readThem(overdue);
      for (const [i, record] of again.entries()) byId.set(overdue[i] ?? '', record);
      return ids.map((id, i) => byId.get(id) ?? records[i] ?? null);
    };
  };

  return {
    read: expiring(read),
    /** The same of one queue, where the tasks are known to be. */
    readIn: (queue: string, ids: readonly string[]) =>
      expiring((some) => readFrom([queue], some))(ids),
    queueNames,
  };
}

function chunked<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size));
  return chunks;
}
