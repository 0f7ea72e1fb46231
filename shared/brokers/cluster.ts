/** What the cluster tells of itself: workers alive, their tasks, what the queues hold. */
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.ts';
import { answered } from '../redis.ts';
import type { TaskSpec } from '../registry.ts';
import type { QueueBody, WorkerBody } from '../schemas.ts';

/** A worker that has not beaten for so long is gone; three beats may get lost. */
export const HEARTBEAT_TTL_MS = 10_000;

/** Those whose heartbeat is there: Redis removes one that is too old, so no clock here matters. */
export async function readWorkers(redis: Redis, keys: Keys): Promise<WorkerBody[]> {
  const ids = await answered(redis, redis.zrange(keys.workers, '0', '-1'));
  if (ids.length === 0) return [];
  const beats = await answered(redis, redis.mget(ids.sort().map(keys.worker)));
  return beats.flatMap((json) => (json === null ? [] : [JSON.parse(json) as WorkerBody]));
}

/** Parses what changed only: validators are compiled once for each object (validation.ts). */
export function createSpecReader(redis: Redis, keys: Keys) {
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

export function servedBy(workers: readonly WorkerBody[], task: string): string[] {
  return workers.filter(({ tasks }) => tasks.includes(task)).map(({ id }) => id);
}

export async function countQueues(
  redis: Redis,
  keys: Keys,
  names: readonly string[],
  workers: readonly WorkerBody[],
): Promise<QueueBody[]> {
  return Promise.all(
    names.map(async (name) => {
      const base = keys.queueBase(name);
      const [waiting, delayed, active, completed, failed, paused] = await Promise.all([
        countWaiting(redis, keys, name),
        redis.zcard(`${base}delayed`),
        redis.llen(`${base}active`),
        redis.zcard(keys.finished(name, true)),
        redis.zcard(keys.finished(name, false)),
        redis.hexists(keys.queueMeta(name), 'paused'),
      ]);
      return {
        name,
        waiting,
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

/** Due tasks of a queue that no worker has taken yet. */
export async function countWaiting(redis: Redis, keys: Keys, queue: string): Promise<number> {
  const base = keys.queueBase(queue);
  const lengths = [redis.llen(`${base}wait`), redis.zcard(`${base}prioritized`)];
  const [waiting = 0, prioritized = 0] = await Promise.all(lengths);
  return waiting + prioritized;
}
