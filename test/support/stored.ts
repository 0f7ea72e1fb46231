/** Puts stored tasks where workers would put them, at times of the test's choice. */
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';

export interface Stored {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Default: default */
  readonly queue?: string;
}

/** A waiting task runs since `at`, epoch milliseconds. */
export async function startStored(stored: Stored, id: string, at: number) {
  const { redis, keys, queue = 'default' } = stored;
  const base = keys.queueBase(queue);
  const job = keys.job(queue, id);
  await redis
    .multi()
    .lrem(`${base}wait`, 1, id)
    .lpush(`${base}active`, id)
    .set(`${job}:lock`, 'token', 'EX', 60)
    .hset(job, { processedOn: at, ats: 1, pb: 'w1' })
    .exec();
}

export interface End {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Traceback of a failure; without it the task succeeds. */
  readonly traceback?: string;
  /** Filed in the set as if it had ended then. Default: `at` */
  readonly filedAt?: number;
  readonly result?: unknown;
}

/** A waiting or running task has ended. */
export async function endStored(stored: Stored, id: string, end: End) {
  const { redis, keys, queue = 'default' } = stored;
  const { at, traceback, filedAt = at, result = 5 } = end;
  const base = keys.queueBase(queue);
  const job = keys.job(queue, id);
  const outcome =
    traceback === undefined
      ? { returnvalue: JSON.stringify(result) }
      : { failedReason: 'no', stacktrace: JSON.stringify([traceback]) };
  await redis
    .multi()
    .lrem(`${base}wait`, 1, id)
    .lrem(`${base}active`, 1, id)
    .del(`${job}:lock`)
    .hset(job, { processedOn: at - 1, finishedOn: at, ats: 1, atm: 1, pb: 'w1', ...outcome })
    .zadd(keys.finished(queue, traceback === undefined), filedAt, id)
    .exec();
}
