/** The queues of BullMQ: tasks go in here, and come back for another try. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { TaskNotFoundError, WrongStateError } from '../errors.ts';
import type { Keys } from '../keys.ts';
import { bodyOf, type TaskMessage } from '../message.ts';
import { ANSWER_WITHIN_MS, answered } from '../redis.ts';
import { storedPriority } from '../results.ts';
import { reviveTask } from '../scripts.ts';

/** Code of BullMQ's error for a job in another state than the expected one. */
const NOT_IN_STATE = -3;

/** BullMQ's queues, each made once; they share one connection, which none of them owns. */
export function createQueues(redis: Redis, keys: Keys) {
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
    /** Puts a task that has ended back to the start; false while a worker is about to file it. */
    async retry(queue: string, id: string): Promise<boolean> {
      const job = await of(queue).getJob(id);
      if (!job) throw new TaskNotFoundError(id);
      // Before it can be taken: it is to run after all.
      if (hasExpired(job.data)) await job.updateData({ ...job.data, expires: undefined });
      const found = await reviveTask(redis, keys.queueBase(queue), id, Date.now());
      if (found === 'taken') return false;
      if (found === 'waiting') return true;
      if (found === 'open') throw underWay(id);
      await job.retry('failed', { resetAttemptsMade: true }).catch((error) => {
        // Somebody else was faster: BullMQ's code for a job that is no longer where it was.
        throw error?.code === NOT_IN_STATE ? underWay(id) : error;
      });
      return true;
    },
    /** Workers take nothing more of it, or go on at once. */
    async pause(queue: string, isPaused: boolean): Promise<void> {
      await answered(redis, isPaused ? of(queue).pause() : of(queue).resume());
    },
    async close(): Promise<void> {
      await Promise.allSettled([...byName.values()].map((queue) => queue.close()));
    },
  };
}

function hasExpired(data: unknown): boolean {
  const { expires } = bodyOf(data);
  return expires !== undefined && expires <= Date.now();
}

function underWay(id: string): WrongStateError {
  return new WrongStateError(id, 'under way again', 'FAILURE or REVOKED');
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
  const priority = storedPriority(body.priority);
  const opts = {
    jobId: id,
    timestamp: sentAt,
    ...(delay > 0 ? { delay } : {}),
    ...(priority > 0 ? { priority } : {}),
  };
  return { name, data: body, opts };
}
