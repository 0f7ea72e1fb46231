/** The broker on Redis: BullMQ queues, read by our own script, watched over pub/sub. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Broker } from '../broker.ts';
import { createAnnouncer, createBus } from '../bus.ts';
import { TaskNotFoundError, WrongStateError } from '../errors.ts';
import { createKeys, type Keys } from '../keys.ts';
import type { TaskMessage } from '../message.ts';
import type { AsyncResultBody, QueueBody, WorkerBody } from '../protocol.ts';
import { ANSWER_WITHIN_MS, answered, disconnect } from '../redis.ts';
import type { TaskSpec } from '../registry.ts';
import { FIELDS, type FoundTask, recordOf, type TaskRecord } from '../results.ts';
import { readTasks } from '../scripts.ts';

export interface RedisBrokerOptions {
  /** For commands; made by connectFailingFast, so that an outage is told at once. */
  readonly redis: Redis;
  /** For pub/sub only. */
  readonly subscriber: Redis;
  /** First part of every key. */
  readonly prefix: string;
  /** Epoch milliseconds. Default: Date.now */
  readonly now?: () => number;
}

/** Adds in one pipeline; more would keep Redis and the event loop from everybody else too long. */
const ADDS_AT_ONCE = 1000;
/** Code of BullMQ's error for a job in another state than the expected one. */
const NOT_IN_STATE = -3;
/** A claim outlives its holder's death so long; no send takes near as long. */
const CLAIM_MS = 10_000;
/** Ids in one call of the script, which Redis runs in one go. */
const READS_AT_ONCE = 100;

export function createRedisBroker({
  redis,
  subscriber,
  prefix,
  now = Date.now,
}: RedisBrokerOptions): Broker {
  const keys = createKeys(prefix);
  const bus = createBus(subscriber, keys);
  const announce = createAnnouncer(redis, keys);
  const queues = createQueues(redis, keys);
  const reader = createReader(redis, keys, now, (queue, id) => queues.of(queue).remove(id));

  const finished = async (id: string): Promise<AsyncResultBody> => {
    const [record] = await reader.read([id]);
    if (!record) throw new TaskNotFoundError(id);
    if (!record.result.ready) throw new WrongStateError(id, record.result.state, 'a final state');
    return record.result;
  };

  const specs = createSpecReader(redis, keys);

  return {
    async add(messages) {
      // A Redis that hangs would run later what waits in its socket: it must show that it lives first.
      await answered(redis, redis.ping());
      for (let i = 0; i < messages.length; i += ADDS_AT_ONCE) {
        await queues.add(messages.slice(i, i + ADDS_AT_ONCE));
      }
    },
    read: reader.read,
    async claim(ids) {
      const claims = ids.map((id) => redis.set(keys.claim(id), 1, 'PX', CLAIM_MS, 'NX'));
      const answers = await answered(redis, Promise.all(claims), ANSWER_WITHIN_MS + ids.length);
      return answers.map((answer) => answer === 'OK');
    },
    async release(ids) {
      if (ids.length > 0) await answered(redis, redis.del(...ids.map(keys.claim)));
    },
    async retry(id) {
      const { queue, state } = await finished(id);
      if (state === 'SUCCESS') throw new WrongStateError(id, state, 'FAILURE or REVOKED');
      await answered(redis, queues.retry(queue, id));
      announce(id);
      const [record] = await reader.read([id]);
      if (!record) throw new TaskNotFoundError(id);
      return record.result;
    },
    async forget(id) {
      const { queue } = await finished(id);
      const removed = await answered(redis, queues.of(queue).remove(id));
      // Somebody was faster: gone already, or retried and running.
      if (removed === 0) await finished(id);
    },
    async queues() {
      const [names, workers] = await Promise.all([
        reader.queueNames(),
        readWorkers(redis, keys, now),
      ]);
      return answered(redis, countQueues(redis, keys, names, workers));
    },
    async backlog(queue) {
      const base = keys.queueBase(queue);
      const lengths = [redis.llen(`${base}wait`), redis.zcard(`${base}prioritized`)];
      const [waiting = 0, prioritized = 0] = await answered(redis, Promise.all(lengths));
      return waiting + prioritized;
    },
    workers: () => readWorkers(redis, keys, now),
    specs,
    async registry() {
      const [known, workers] = await Promise.all([specs(), readWorkers(redis, keys, now)]);
      return [...known.values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((spec) => ({ ...spec, workers: servedBy(workers, spec.name) }));
    },
    listen: bus.listen,
    onRegistryChange: bus.onRegistryChange,
    async checkWritable() {
      await answered(redis, redis.set(keys.probe, now(), 'PX', 60_000));
    },
    async close() {
      await queues.close();
      await Promise.all([disconnect(redis), disconnect(subscriber)]);
    },
  };
}

/** BullMQ's queues, each made once; they share one connection, which none of them owns. */
function createQueues(redis: Redis, keys: Keys) {
  const byName = new Map<string, Queue>();
  const announced = new Set<string>();
  // A Redis that was restarted may have lost its keys.
  redis.on('close', () => announced.clear());

  const of = (name: string): Queue => {
    const known = byName.get(name);
    if (known) return known;
    const queue = new Queue(name, {
      connection: redis,
      prefix: keys.prefix,
      // The three that make a queue fail fast when Redis is down, also at the start, and recover:
      // without them BullMQ waits for INFO, and keeps its failure for ever.
      skipWaitingForReady: true,
      skipVersionCheck: true,
      skipMetasUpdate: true,
    });
    // Outages are logged by the connection, once.
    queue.on('error', () => undefined);
    byName.set(name, queue);
    return queue;
  };

  /** Names the queues that this process has not named yet, so that ids can be looked up in them. */
  const name = async (names: readonly string[]): Promise<void> => {
    const fresh = names.filter((each) => !announced.has(each));
    if (fresh.length === 0) return;
    await redis.sadd(keys.queues, ...fresh);
    for (const each of fresh) announced.add(each);
  };

  return {
    of,
    async add(messages: readonly TaskMessage[]): Promise<void> {
      const byQueue = groupByQueue(messages);
      const adds = [...byQueue].map(([queue, group]) => of(queue).addBulk(group.map(jobOf)));
      const withinMs = ANSWER_WITHIN_MS + messages.length;
      await answered(redis, Promise.all([name([...byQueue.keys()]), ...adds]), withinMs);
    },
    async retry(queue: string, id: string): Promise<void> {
      // Deaths of workers count anew, or one more would end it at once.
      await redis.hdel(keys.job(queue, id), 'stc');
      const job = await of(queue).getJob(id);
      if (!job) throw new TaskNotFoundError(id);
      await job.retry('failed', { resetAttemptsMade: true }).catch((error) => {
        // Somebody else was faster: BullMQ's code for a job that is no longer where it was.
        if (error?.code !== NOT_IN_STATE) throw error;
        throw new WrongStateError(id, 'under way again', 'FAILURE or REVOKED');
      });
    },
    async close(): Promise<void> {
      await Promise.allSettled([...byName.values()].map((queue) => queue.close()));
    },
  };
}

function groupByQueue(messages: readonly TaskMessage[]): Map<string, TaskMessage[]> {
  const groups = new Map<string, TaskMessage[]>();
  for (const message of messages) {
    const group = groups.get(message.queue);
    if (group) group.push(message);
    else groups.set(message.queue, [message]);
  }
  return groups;
}

function jobOf({ id, name, sentAt, body }: TaskMessage) {
  const delay = body.eta === undefined ? 0 : Math.max(0, body.eta - sentAt);
  const opts = { jobId: id, timestamp: sentAt };
  return { name, data: body, opts: delay > 0 ? { ...opts, delay } : opts };
}

/** Looks tasks up in every queue that is known, and in those named since when one is missing. */
function createReader(
  redis: Redis,
  keys: Keys,
  now: () => number,
  remove: (queue: string, id: string) => Promise<unknown>,
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

  return { read, queueNames };
}

function chunked<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < items.length; i += size) chunks.push(items.slice(i, i + size));
  return chunks;
}

/** A worker that has not beaten for so long is gone; three beats may get lost. */
export const HEARTBEAT_TTL_MS = 10_000;

async function readWorkers(redis: Redis, keys: Keys, now: () => number): Promise<WorkerBody[]> {
  const since = now() - HEARTBEAT_TTL_MS;
  const ids = await answered(redis, redis.zrangebyscore(keys.workers, since, '+inf'));
  if (ids.length === 0) return [];
  const beats = await answered(redis, redis.mget(ids.sort().map(keys.worker)));
  return beats.flatMap((json) => (json === null ? [] : [JSON.parse(json) as WorkerBody]));
}

/** Parses what changed only: validators are compiled once for each object (validation.ts). */
function createSpecReader(redis: Redis, keys: Keys) {
  let known = new Map<string, { json: string; spec: TaskSpec }>();
  return async (): Promise<ReadonlyMap<string, TaskSpec>> => {
    const stored = Object.entries(await answered(redis, redis.hgetall(keys.registry)));
    known = new Map(
      stored.map(([name, json]) => {
        const before = known.get(name);
        return [name, before?.json === json ? before : { json, spec: JSON.parse(json) }];
      }),
    );
    return new Map([...known].map(([name, { spec }]) => [name, spec]));
  };
}

function servedBy(workers: readonly WorkerBody[], task: string): string[] {
  return workers.filter(({ tasks }) => tasks.includes(task)).map(({ id }) => id);
}

async function countQueues(
  redis: Redis,
  keys: Keys,
  names: readonly string[],
  workers: readonly WorkerBody[],
): Promise<QueueBody[]> {
  return Promise.all(
    names.map(async (name) => {
      const base = keys.queueBase(name);
      const [wait, prioritized, delayed, active, completed, failed, paused] = await Promise.all([
        redis.llen(`${base}wait`),
        redis.zcard(`${base}prioritized`),
        redis.zcard(`${base}delayed`),
        redis.llen(`${base}active`),
        redis.zcard(keys.finished(name, true)),
        redis.zcard(keys.finished(name, false)),
        redis.hexists(keys.queueMeta(name), 'paused'),
      ]);
      return {
        name,
        waiting: wait + prioritized,
        delayed,
        active,
        succeeded: completed,
        failed,
        paused: paused === 1,
        workers: workers
          .filter((each) => each.queues.some((q) => q.name === name))
          .map((each) => each.id),
      };
    }),
  );
}
