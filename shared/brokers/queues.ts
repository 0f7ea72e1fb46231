/** The queues of BullMQ: tasks go in here, and come back for another try. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Limit, StoredTask } from '../addition.ts';
import { ADDS_AT_ONCE, type FullQueue } from '../broker.ts';
import { BrokerUnavailableError, TaskNotFoundError, WrongStateError } from '../errors.ts';
import type { Keys } from '../keys.ts';
import { bodyOf, delayOf, type TaskMessage } from '../message.ts';
import { ANSWER_WITHIN_MS, answered } from '../redis.ts';
import { storedPriority } from '../results.ts';
import { type Added, addTasks, reviveTask } from '../scripts.ts';
import type { RedisClock } from './clock.ts';
import type { MemoryGuard } from './memory.ts';
import { portionsOf } from './portions.ts';

/** Codes of BullMQ's errors for a job that is gone, or in another state than the expected one. */
const GONE = -1;
const NOT_IN_STATE = -3;

export interface QueuesOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: RedisClock;
  readonly memory: Pick<MemoryGuard, 'admit'>;
}

/** BullMQ's queues, each made once; they share one connection, which none of them owns. */
export function createQueues({ redis, keys, clock, memory }: QueuesOptions) {
  const byName = new Map<string, Queue>();
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

  /**
   * Adds until the deadline, which Redis checks: what callers were told has failed must not be stored later.
   * Once more where it was late: its clock was set forward, or the machine was paused, and now its time is known.
   */
  const inTime = async (
    count: number,
    add: (deadlineMs: number) => Promise<Added>,
    attempt = 1,
  ): Promise<FullQueue | undefined> => {
    const withinMs = ANSWER_WITHIN_MS + count;
    const { earliest } = await clock.read();
    const deadlineMs = earliest + withinMs;
    const askedAt = performance.now();
    const { nowMs, isLate, full } = await answered(redis, add(deadlineMs), withinMs);
    clock.note(nowMs, askedAt);
    if (!isLate) return full;
    if (attempt > 1) throw new BrokerUnavailableError(`no answer within ${withinMs} ms`);
    return inTime(count, add, attempt + 1);
  };

  return {
    /**
     * All or none of as many as one write stores, whatever queues they go to: what is refused half-way would
     * be sent twice. In the order of the calls, also of those that nobody waits for.
     */
    async add(
      messages: readonly TaskMessage[],
      queueMaxLength = 0,
    ): Promise<FullQueue | undefined> {
      const tasks = messages.map(storedTask);
      const admitted = memory.admit(tasks.reduce((bytes, task) => bytes + sizeOf(task), 0));
      if (admitted) await admitted;
      const portions = portionsOf(tasks, ADDS_AT_ONCE);
      const limits = queueMaxLength > 0 ? limitsOf(portions, queueMaxLength) : [];
      for (const [i, some] of portions.entries()) {
        const full = await inTime(some.length, (deadlineMs) =>
          addTasks(redis, keys, { deadlineMs, tasks: some, limit: limits[i] }),
        );
        if (full) return full;
      }
      return undefined;
    },
    /** Puts a task that has ended back to the start; false while a worker is about to file it. */
    async retry(queue: string, id: string): Promise<boolean> {
      const job = await of(queue).getJob(id);
      if (!job) throw new TaskNotFoundError(id);
      // Before it can be taken: it is to run after all.
      if (hasExpired(job.data, clock.now()))
        await job.updateData({ ...job.data, expires: undefined });
      const found = await reviveTask(redis, keys.queueBase(queue), id);
      if (found === 'taken') return false;
      if (found === 'waiting') return true;
      if (found === 'open') throw underWay(id);
      await job.retry('failed', { resetAttemptsMade: true }).catch((error) => {
        // Somebody else was faster.
        if (error?.code === GONE) throw new TaskNotFoundError(id);
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

function hasExpired(data: unknown, nowMs: number): boolean {
  const { expires } = bodyOf(data);
  return expires !== undefined && expires <= nowMs;
}

function underWay(id: string): WrongStateError {
  return new WrongStateError(id, 'under way again', 'FAILURE or REVOKED');
}

/** The first write asks for the room of all, and holds what the others fill. */
function limitsOf(portions: readonly (readonly StoredTask[])[], max: number): Limit[] {
  const batch = portions.length > 1 ? (portions[0]?.[0]?.id ?? '') : '';
  let later = waitingOf(portions.flat());
  return portions.map((some, i) => {
    const ahead = later;
    const here = waitingOf(some);
    const left = [...ahead].map(([queue, n]) => [queue, n - (here.get(queue) ?? 0)] as const);
    later = new Map(left.filter(([, count]) => count > 0));
    return { max: i === 0 ? max : 0, batch, ahead, later };
  });
}

/** How many of them wait at once, by their queues. */
function waitingOf(tasks: readonly StoredTask[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { queue, delay } of tasks) {
    if (delay === 0) counts.set(queue, (counts.get(queue) ?? 0) + 1);
  }
  return counts;
}

function storedTask(message: TaskMessage): StoredTask {
  const { id, queue, name, body, sentAt: timestamp, unique } = message;
  const delay = delayOf(message);
  const priority = storedPriority(body.priority);
  return { id, queue, name, data: JSON.stringify(body), timestamp, delay, priority, unique };
}

/** What a task takes beside its message: its hash, its places in lists and sets. */
const FRAME_BYTES = 500;
/** Allocators have sizes that are up to a quarter apart. */
const ROUNDED = 1.25;

function sizeOf({ data }: StoredTask): number {
  return FRAME_BYTES + ROUNDED * Buffer.byteLength(data);
}
