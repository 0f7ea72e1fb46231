/**
 * Notices a consumer that is connected but takes nothing although tasks wait and slots are free,
 * and starts its fetch loop anew. Reported of BullMQ after reconnects, and of Celery (#8030):
 * such a worker looks alive to every other check.
 */
import type { Redis } from 'ioredis';
import { countWaiting } from '../../shared/brokers/cluster.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import type { Consumer } from '../consumer.ts';
import { every, type Service } from '../every.ts';

export interface WatchdogOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly consumers: readonly Consumer[];
  readonly log: Log;
  /** Milliseconds between two looks. Default: 5 s */
  readonly everyMs?: number;
}

/** Looks in a row at which a consumer must have idled beside waiting tasks. */
const LOOKS = 3;

export function createWatchdog({
  redis,
  keys,
  consumers,
  log,
  everyMs = 5000,
}: WatchdogOptions): Service {
  const seen = new WeakMap<Consumer, { fetched: number; idleLooks: number }>();

  const look = async (consumer: Consumer): Promise<void> => {
    const last = seen.get(consumer) ?? { fetched: -1, idleLooks: 0 };
    seen.set(consumer, last);
    const { fetched } = consumer.totals;
    const mayFetch = fetched === last.fetched && consumer.active < consumer.concurrency;
    const isIdle = mayFetch && (await hasWaitingTasks(redis, keys, consumer.queue));
    last.idleLooks = isIdle ? last.idleLooks + 1 : 0;
    last.fetched = fetched;
    if (last.idleLooks < LOOKS) return;
    last.idleLooks = 0;
    log.error(
      { queue: consumer.queue },
      'tasks wait but none was fetched; the consumer starts anew',
    );
    consumer.restart();
  };
  const pass = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    for (const consumer of consumers) await look(consumer);
  };
  return every('watchdog', everyMs, pass, log);
}

async function hasWaitingTasks(redis: Redis, keys: Keys, queue: string): Promise<boolean> {
  const [waiting, isPaused] = await Promise.all([
    countWaiting(redis, keys, queue),
    redis.hexists(keys.queueMeta(queue), 'paused'),
  ]);
  return isPaused === 0 && waiting > 0;
}
