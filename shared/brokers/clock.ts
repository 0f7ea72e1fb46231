/**
 * The clock of Redis, by which every span is counted: those of an API, of a client and of each worker
 * may be an hour apart, this one they all can know. It is known without asking each time.
 */
import type { Redis } from 'ioredis';
import type { Clock, Moment } from '../broker.ts';

export interface RedisClock extends Clock {
  /**
   * An answer that just came has told this time.
   * @param redisMs whole milliseconds
   * @param askedAt when the question went out, by performance.now
   */
  note(redisMs: number, askedAt: number): void;
}

export interface RedisClockOptions {
  /** Milliseconds that only ever grow, whoever sets the clock. Default: performance.now */
  readonly elapsed?: () => number;
  /** What the clock of this machine shows, epoch milliseconds. Default: Date.now */
  readonly local?: () => number;
}

/** What Redis told, when it was asked and when the answer was here, by both clocks of this machine. */
interface Heard {
  readonly redisMs: number;
  readonly askedAt: number;
  readonly at: number;
  readonly localMs: number;
}

/** Milliseconds for which a time counts: two clocks drift apart by less than 1 ms meanwhile. */
const KNOWN_FOR_MS = 5000;
/** Milliseconds after which a worse answer, one that took longer, is better than an old one. */
const BEST_FOR_MS = 2500;
/** A step of this machine's clock by more: it slept, or somebody set the clock, perhaps that of Redis too. */
const STEP_MS = 1000;

export function createRedisClock(redis: Redis, options: RedisClockOptions = {}): RedisClock {
  const { elapsed = () => performance.now(), local = Date.now } = options;
  let heard: Heard | undefined;
  let isOther = false;
  let shown = 0;
  let asking: Promise<unknown> | undefined;
  // The next one may be another server.
  redis.on('close', () => {
    isOther = true;
  });

  const momentBy = ({ redisMs, askedAt, at }: Heard, now: number): Moment => ({
    earliest: Math.floor(redisMs + now - at),
    // It was told without the part behind its last millisecond.
    latest: Math.ceil(redisMs + 1 + now - askedAt),
  });
  const isCurrent = (): boolean => {
    if (!heard || isOther) return false;
    const passed = elapsed() - heard.at;
    return passed <= KNOWN_FOR_MS && Math.abs(local() - heard.localMs - passed) < STEP_MS;
  };
  /** What took less time tells more; but what is contradicted, or old, is over. */
  const isBetter = (next: Heard): boolean => {
    if (!heard || isOther || next.at - heard.at > BEST_FOR_MS) return true;
    const isSet =
      next.redisMs + 1 < momentBy(heard, next.askedAt).earliest ||
      next.redisMs > momentBy(heard, next.at).latest;
    return isSet || next.at - next.askedAt <= heard.at - heard.askedAt;
  };
  const note = (redisMs: number, askedAt: number): void => {
    const next = { redisMs, askedAt, at: elapsed(), localMs: local() };
    if (!isBetter(next)) return;
    heard = next;
    isOther = false;
  };
  const ask = async (): Promise<void> => {
    const askedAt = elapsed();
    const [seconds, micros] = await redis.time();
    note(Number(seconds) * 1000 + Math.floor(Number(micros) / 1000), askedAt);
  };
  const moment = (): Moment => {
    if (heard) return momentBy(heard, elapsed());
    const ms = local();
    return { earliest: ms, latest: ms };
  };
  const now = (): number => {
    const { earliest } = moment();
    // Not back by the milliseconds by which one answer was slower than another: who compares two
    // times, such as those of a heartbeat and of a goodbye, must find them in their order.
    shown = earliest < shown && shown - earliest < STEP_MS ? shown : earliest;
    return shown;
  };
  return {
    note,
    now,
    aheadMs: () => local() - now(),
    read() {
      if (isCurrent()) return moment();
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking.then(moment);
    },
  };
}
