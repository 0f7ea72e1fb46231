/**
 * Removes results whose time is over, of which there are too many, or for which there is no memory:
 * what is removed as tasks end is not enough where nothing ends, or much has ended at once.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describeMemory, isShort, type Memory, readMemory } from '../../shared/brokers/memory.ts';
import type { Config } from '../../shared/config.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import { sweepSome, takeTurn } from '../../shared/scripts.ts';
import { every, type Service } from '../every.ts';

export interface SweeperOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly config: Pick<Config, 'resultExpires' | 'resultsMax' | 'redisMemoryLimit'>;
  readonly log: Log;
  /** Milliseconds between two passes. Default: 5 s */
  readonly everyMs?: number;
}

/** While memory is short results get a smaller and smaller share of their life; the last one is that of none. */
const SHARES = [...Array.from({ length: 20 }, (_, i) => 0.7 ** (i + 1)), 0];
/** Part of the limit down to which room is made, or the next tasks would be refused as well. */
const ENOUGH = 0.9;

export function createSweeper(options: SweeperOptions): Service {
  const { redis, keys, config, everyMs = 5000, log } = options;
  const { redisMemoryLimit: limit } = config;
  const me = randomUUID();
  let isStopped = false;
  let wasShort = false;

  /** One worker of the cluster sweeps; should it die, another one does at the next pass. */
  const hasTurn = () => takeTurn(redis, keys.sweeper, me, everyMs);
  const never = async () => false;

  /** Removes what has had its share of life, until nothing is left of that, or it is enough. */
  const sweep = async (
    share: number,
    isEnough: () => Promise<boolean> = never,
  ): Promise<number> => {
    let total = 0;
    for (const queue of await redis.smembers(keys.queues)) {
      for (let isMore = true; isMore && !isStopped; ) {
        const began = performance.now();
        const some = sweepSome(redis, keys, queue, { ...config, share });
        const [{ removed, isLeft }] = await Promise.all([some, hasTurn()]);
        total += removed;
        isMore = isLeft && !(await isEnough());
        // Others have Redis for as long.
        if (isMore) await sleep(performance.now() - began);
      }
    }
    return total;
  };
  /** The oldest results go until there is room. */
  const makeRoom = async (): Promise<void> => {
    const isEnough = async () => !isShort(await readMemory(redis), ENOUGH * limit);
    let removed = 0;
    for (const share of SHARES) {
      if (isStopped || (await isEnough())) break;
      removed += await sweep(share, isEnough);
    }
    if (removed > 0) log.debug({ removed }, 'results removed for want of memory');
  };
  /** One line when it begins, one at its end. */
  const tellShortage = (memory: Memory, isNow: boolean): void => {
    const seen = { memory: describeMemory(memory) };
    if (isNow && !wasShort) log.warn(seen, 'Redis is nearly full: results go before their time');
    if (!isNow && wasShort) log.info(seen, 'Redis has room again');
    wasShort = isNow;
  };
  const pass = async (): Promise<void> => {
    if (redis.status !== 'ready' || !(await hasTurn())) return;
    const removed = await sweep(1);
    if (removed > 0) log.debug({ removed }, 'expired results removed');
    const memory = await readMemory(redis);
    const isNow = isShort(memory, limit);
    tellShortage(memory, isNow);
    if (isNow) await makeRoom();
  };
  const loop = every('sweeper', everyMs, pass, log);
  return {
    ...loop,
    stop() {
      isStopped = true;
      return loop.stop();
    },
  };
}
