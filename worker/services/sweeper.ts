/** Removes expired results of queues in which nothing ends: BullMQ does so only when a task does. */
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import { every, type Service } from '../every.ts';

export interface SweeperOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Seconds that results are kept. */
  readonly resultExpires: number;
  readonly log: Log;
  /** Milliseconds between two passes. Default: 30 s */
  readonly everyMs?: number;
}

/** Results removed of one queue in one pass, in calls of SWEEP_AT_ONCE, so that Redis is never long busy. */
const SWEEP_MAX = 20_000;
const SWEEP_AT_ONCE = 500;

export function createSweeper(options: SweeperOptions): Service {
  const { redis, keys, everyMs = 30_000, log } = options;
  const pass = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    // One worker of the cluster sweeps, whoever comes first.
    const isMine = await redis.set(
      keys.sweeper,
      process.pid,
      'PX',
      Math.max(1, everyMs - 1000),
      'NX',
    );
    if (!isMine) return;
    for (const name of await redis.smembers(keys.queues)) await sweep(name, options);
  };
  return every('sweeper', everyMs, pass, log);
}

async function sweep(
  name: string,
  { redis, keys, resultExpires, log }: SweeperOptions,
): Promise<void> {
  const queue = new Queue(name, { connection: redis, prefix: keys.prefix, skipMetasUpdate: true });
  queue.on('error', () => undefined);
  try {
    let removed = 0;
    for (const state of ['completed', 'failed'] as const) {
      for (let left = SWEEP_MAX; left > 0; ) {
        const ids = await queue.clean(resultExpires * 1000, SWEEP_AT_ONCE, state);
        removed += ids.length;
        left = ids.length < SWEEP_AT_ONCE ? 0 : left - ids.length;
      }
    }
    if (removed > 0) log.debug({ queue: name, removed }, 'expired results removed');
  } finally {
    await queue.close();
  }
}
