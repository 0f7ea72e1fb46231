/** Reads the records of tasks, whatever queue holds them. */
import type { Redis } from 'ioredis';
import { FIELDS, type FoundTask, jobHashOf } from '../jobHash.ts';
import type { Keys } from '../keys.ts';
import { answered, isRefusal } from '../redis.ts';
import { recordOf, type TaskRecord } from '../results.ts';
import { READ_BYTES, readTasks, removeEnded } from '../scripts.ts';
import { portionsOf, scriptsUnderWay, tasksInScript } from './portions.ts';

/**
 * Looks tasks up in every queue that is known, and in those named since when one is missing.
 * @param expire ends tasks that have not started in time, whoever finds them
 */
export function createReader(
  redis: Redis,
  keys: Keys,
  expire: (ids: readonly string[]) => Promise<unknown>,
) {
  let known: string[] = [];

  const queueNames = async (): Promise<string[]> => {
    known = (await answered(redis, redis.smembers(keys.queues))).sort();
    return known;
  };

  /** In one round trip; large results come in several. */
  const readSome = async (
    queues: readonly string[],
    ids: readonly string[],
    { maxBytes, came }: Portion,
  ): Promise<(TaskRecord | null)[]> => {
    const reading = readTasks(redis, queues.map(keys.queueBase), { fields: FIELDS, ids, maxBytes });
    const [nowMs, ...found] = await answered(redis, reading);
    if (came) for (const task of found) if (task) came(sizeOf(task));
    const records = await Promise.all(
      found.map((task, i) => task && toRecord(ids[i] ?? '', queues, task, nowMs)),
    );
    if (found.length >= ids.length) return records;
    const rest = await readSome(queues, ids.slice(found.length), { maxBytes, came });
    return [...records, ...rest];
  };

  const readFrom = async (queues: readonly string[], ids: readonly string[], came?: Came) => {
    if (queues.length === 0) return ids.map(() => null);
    const size = tasksInScript(queues.length);
    const records: (TaskRecord | null)[] = [];
    for (const some of portionsOf(portionsOf(ids, size), scriptsUnderWay(queues.length, size))) {
      // Ten full answers at once took a line of 100 Mbit/s three seconds, and nobody was answered in time.
      const portion = { maxBytes: READ_BYTES / some.length, came };
      const found = await Promise.all(some.map((each) => readSome(queues, each, portion)));
      records.push(...found.flat());
    }
    return records;
  };

  const toRecord = async (
    id: string,
    queues: readonly string[],
    found: FoundTask,
    nowMs: number,
  ) => {
    // Lua counts from 1.
    const queue = queues[found[0] - 1] ?? '';
    const record = recordOf(id, queue, found, nowMs);
    // Expired but not swept yet: removed by whoever finds it, or its id could not be used again.
    if (!record) await isWritten(remove(queue, id, found));
    return record;
  };

  const remove = (queue: string, id: string, [, , , values]: FoundTask) =>
    answered(redis, removeEnded(redis, keys.queueBase(queue), id, jobHashOf(values)));

  const read = async (ids: readonly string[], came?: Came): Promise<(TaskRecord | null)[]> => {
    const records = await readFrom(known, ids, came);
    const missing = ids.filter((_, i) => records[i] === null);
    if (missing.length === 0) return records;
    const before = new Set(known);
    const added = (await queueNames()).filter((name) => !before.has(name));
    if (added.length === 0) return records;
    const late = await readFrom(added, missing, came);
    const byId = new Map(missing.map((id, i) => [id, late[i] ?? null]));
    return ids.map((id, i) => records[i] ?? byId.get(id) ?? null);
  };

  /** What has expired is REVOKED for good before anybody is told so: a slow clock must not run it. */
  const expiring = (readThem: typeof read): typeof read => {
    return async (ids, came) => {
      const records = await readThem(ids, came);
      const overdue = ids.filter((_, i) => records[i]?.isOverdue);
      if (overdue.length === 0 || !(await isWritten(expire(overdue)))) return records;
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

/** Told the bytes of each task that was found. */
type Came = (bytes: number) => void;

interface Portion {
  readonly maxBytes: number;
  readonly came: Came | undefined;
}

function sizeOf([, , , values]: FoundTask): number {
  return values.reduce((bytes, value) => bytes + Buffer.byteLength(value ?? ''), 0);
}

/** False where Redis is there but takes no writes: it can be read all the same. */
async function isWritten(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}
