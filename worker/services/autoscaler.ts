/**
 * Gives a queue more slots while tasks wait and all slots are busy, and fewer when some were idle
 * for a while: Celery's --autoscale, for each queue of the worker.
 */
import type { Redis } from 'ioredis';
import type { Bounds } from '../../shared/autoscale.ts';
import { countWaiting } from '../../shared/brokers/cluster.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import type { Consumer } from '../consumer.ts';
import { every, type Service } from '../every.ts';
import type { Fleet } from '../fleet.ts';

export interface AutoscalerOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly fleet: Fleet;
  /** Bounds of each queue from the start; undefined = off. */
  readonly bounds: Bounds | undefined;
  readonly log: Log;
  /** Milliseconds between two looks. Default: 1 s */
  readonly everyMs?: number;
  /** Milliseconds that only ever grow. Default: performance.now */
  readonly now?: () => number;
}

export interface Autoscaler extends Service {
  /** New bounds, or undefined to let the concurrency be as it is. @param queue Default: each queue */
  set(bounds: Bounds | undefined, queue?: string): void;
  boundsOf(queue: string): Bounds | undefined;
}

/** What was seen of a queue since its slots were all busy last. */
export interface Idleness {
  /** Milliseconds, by a clock that only ever grows. */
  readonly since: number;
  /** Most slots that were busy at once. */
  readonly peak: number;
}

export interface Sight {
  readonly concurrency: number;
  readonly active: number;
  /** Tasks that could be taken at once, were there slots. */
  readonly waiting: number;
  /** Milliseconds, by a clock that only ever grows. */
  readonly at: number;
}

/** Milliseconds for which slots must have been idle until they are given up. */
const IDLE_MS = 30_000;

/** How many slots a queue should have after this look, and what to remember of its idleness. */
export function scaled(
  { concurrency, active, waiting, at }: Sight,
  bounds: Bounds,
  before: Idleness | undefined,
): { concurrency: number; idleness: Idleness | undefined } {
  const within = (count: number) => clamped(count, bounds);
  if (active >= concurrency) {
    // At most twice as many at a time: whether they help shows within a second.
    const more = Math.min(waiting, concurrency);
    return { concurrency: within(concurrency + more), idleness: undefined };
  }
  const idleness = { since: before?.since ?? at, peak: Math.max(before?.peak ?? 0, active) };
  if (at - idleness.since < IDLE_MS) return { concurrency: within(concurrency), idleness };
  return { concurrency: within(Math.min(concurrency, idleness.peak)), idleness: undefined };
}

function clamped(count: number, { min, max }: Bounds): number {
  return Math.min(max, Math.max(min, count));
}

export function createAutoscaler(options: AutoscalerOptions): Autoscaler {
  const { redis, keys, fleet, log, everyMs = 1000, now = () => performance.now() } = options;
  let common = options.bounds;
  const own = new Map<string, Bounds | undefined>();
  const idle = new WeakMap<Consumer, Idleness | undefined>();

  const boundsOf = (queue: string) => (own.has(queue) ? own.get(queue) : common);

  const look = async (consumer: Consumer, bounds: Bounds): Promise<void> => {
    const { queue, concurrency, active } = consumer;
    const waiting = active < concurrency ? 0 : await countTakeable(redis, keys, queue);
    const next = scaled({ concurrency, active, waiting, at: now() }, bounds, idle.get(consumer));
    idle.set(consumer, next.idleness);
    // Cancelled, or changed by a command, while Redis was asked.
    const isSame = fleet.taking.includes(consumer) && consumer.concurrency === concurrency;
    if (!isSame || next.concurrency === concurrency) return;
    fleet.resize(next.concurrency - concurrency, queue);
    log.info({ queue, concurrency: next.concurrency, waiting }, 'autoscaled');
  };
  const pass = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    for (const consumer of [...fleet.taking]) {
      const bounds = boundsOf(consumer.queue);
      if (bounds) await look(consumer, bounds);
    }
  };
  const bringWithin = ({ queue, concurrency }: Consumer): void => {
    const bounds = boundsOf(queue);
    if (bounds) fleet.resize(clamped(concurrency, bounds) - concurrency, queue);
  };
  return {
    ...every('autoscaler', everyMs, pass, log),
    set(bounds, queue) {
      if (queue === undefined) {
        common = bounds;
        own.clear();
      } else {
        own.set(queue, bounds);
      }
      for (const consumer of fleet.taking) bringWithin(consumer);
    },
    boundsOf,
  };
}

/** Tasks of a queue that could be taken now. */
async function countTakeable(redis: Redis, keys: Keys, queue: string): Promise<number> {
  const [waiting, isPaused] = await Promise.all([
    countWaiting(redis, keys, queue),
    redis.hexists(keys.queueMeta(queue), 'paused'),
  ]);
  return isPaused === 1 ? 0 : waiting;
}
