/** The queues of BullMQ: tasks go in here, and come back for another try. */
import { type IRedisTransaction, Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { BrokerUnavailableError, TaskNotFoundError, WrongStateError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Keys } from '../keys.ts';
import { bodyOf, type TaskMessage } from '../message.ts';
import { ANSWER_WITHIN_MS, answered } from '../redis.ts';
import { storedPriority } from '../results.ts';
import { addTasks, checkDeadline, reviveTask, type StoredTask, type Timed } from '../scripts.ts';
import { createRedisClock } from './clock.ts';

/** Codes of BullMQ's errors for a job that is gone, or in another state than the expected one. */
const GONE = -1;
const NOT_IN_STATE = -3;

/**
 * BullMQ's queues, each made once; they share one connection, which none of them owns.
 * @param isBatching add many by one script of ours, not each by one of BullMQ's
 */
export function createQueues(redis: Redis, keys: Keys, isBatching: boolean) {
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

  const clock = createRedisClock(redis);
  /** Of this connection alone, for a change of it ends the transaction that is under way. */
  const guard = keys.deadline(newId());
  /**
   * Adds until the deadline, which Redis checks: what callers were told has failed must not be stored later.
   * Once more where it was late: its clock was set forward, or the machine was paused, and now its time is known.
   */
  const inTime = async (
    count: number,
    add: (deadlineMs: number) => Promise<Timed>,
    attempt = 1,
  ): Promise<void> => {
    const withinMs = ANSWER_WITHIN_MS + count;
    const deadlineMs = Math.floor((await clock.now()) + withinMs);
    const { nowMs, isLate } = await answered(redis, add(deadlineMs), withinMs);
    if (nowMs !== undefined) clock.note(nowMs);
    if (!isLate) return;
    if (attempt > 1) throw new BrokerUnavailableError(`no answer within ${withinMs} ms`);
    await inTime(count, add, attempt + 1);
  };

  const addAtOnce = (messages: readonly TaskMessage[]): Promise<void> => {
    const base = keys.queueBase(messages[0]?.queue ?? '');
    const tasks = messages.map(storedTask);
    return inTime(messages.length, (deadlineMs) => addTasks(redis, base, deadlineMs, tasks));
  };

  const addTo = async (multi: IRedisTransaction, message: TaskMessage): Promise<void> => {
    const { id, name, body, unique } = message;
    const queue = of(message.queue);
    const job = new Job(queue, name, body, optionsOf(message), id);
    job.timestamp = message.sentAt;
    await queue.getBackend().addJobToTransaction(multi, job.asJSON(), id);
    // Stored is as old as can be: nobody waits for it any more (lua/claimUnique.lua).
    if (unique) {
      const claim = [keys.unique(unique.hash), `0 ${id}`, 'PX', Math.ceil(unique.ttlMs)];
      multi.runCommand('set', claim);
    }
  };

  /** The last add by BullMQ's scripts that is under way, which takes a round trip more than one of ours. */
  let slow: Promise<void> | undefined;
  const addOneByOne = async (
    messages: readonly TaskMessage[],
    unknown: readonly string[],
    before: Promise<void> | undefined,
  ): Promise<void> => {
    await before;
    await inTime(messages.length, async (deadlineMs) => {
      const multi = (await of(messages[0]?.queue ?? '').getBackend().client).multi();
      // So that ids can be looked up in them.
      if (unknown.length > 0) multi.runCommand('sadd', [keys.queues, ...unknown]);
      await Promise.all(messages.map((message) => addTo(multi, message)));
      const [checked, done] = await Promise.allSettled([
        checkDeadline(redis, guard, deadlineMs),
        execute(multi),
      ]);
      // Stored is stored, whatever the check says.
      if (done.status === 'rejected') throw done.reason;
      const nowMs = checked.status === 'fulfilled' ? checked.value : undefined;
      return { nowMs, isLate: !done.value };
    });
    for (const name of unknown) announced.add(name);
  };

  return {
    /**
     * All or none, whatever queues they go to: what is refused half-way would be sent twice. In the order
     * of the calls, also of those that nobody waits for.
     */
    async add(messages: readonly TaskMessage[]): Promise<void> {
      const names = [...new Set(messages.map(({ queue }) => queue))];
      const unknown = names.filter((name) => !announced.has(name));
      const before = slow;
      const isKnown = unknown.length === 0 && names.length === 1;
      if (isBatching && isKnown && messages.every(isPlain)) {
        if (before) await before;
        return addAtOnce(messages);
      }
      const adding = addOneByOne(messages, unknown, before);
      const done: Promise<void> = adding
        .catch(() => undefined)
        .then(() => {
          if (slow === done) slow = undefined;
        });
      slow = done;
      return adding;
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

function hasExpired(data: unknown): boolean {
  const { expires } = bodyOf(data);
  return expires !== undefined && expires <= Date.now();
}

function underWay(id: string): WrongStateError {
  return new WrongStateError(id, 'under way again', 'FAILURE or REVOKED');
}

/** False when a watched key has changed: then nothing was done. */
async function execute(multi: IRedisTransaction): Promise<boolean> {
  const replies = await multi.exec().catch((error) => {
    // "EXECABORT" says that a command was refused, the command's own error says why.
    throw error?.previousErrors?.[0] ?? error;
  });
  for (const [error] of replies ?? []) if (error) throw error;
  return replies !== null;
}

function storedTask({ id, name, body, sentAt: timestamp }: TaskMessage): StoredTask {
  return { id, name, data: JSON.stringify(body), timestamp };
}

/** Whether it can be taken at once, in its turn. */
function isPlain({ body, sentAt, unique }: TaskMessage): boolean {
  return !unique && storedPriority(body.priority) === 0 && delayOf(body.eta, sentAt) === 0;
}

function optionsOf({ sentAt, body }: TaskMessage) {
  const delay = delayOf(body.eta, sentAt);
  const priority = storedPriority(body.priority);
  return { ...(delay > 0 ? { delay } : {}), ...(priority > 0 ? { priority } : {}) };
}

function delayOf(eta: number | undefined, sentAt: number): number {
  return eta === undefined ? 0 : Math.max(0, eta - sentAt);
}
