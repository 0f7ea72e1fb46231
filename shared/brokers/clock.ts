/**
 * The clock of Redis, known without asking each time: a deadline that Redis checks must be told by
 * its clock, which may be seconds away from ours.
 */
import type { Redis } from 'ioredis';
import { answered } from '../redis.ts';

export interface RedisClock {
  /** What Redis shows now at least, epoch milliseconds; asks only when nothing was heard for a while. */
  now(): Promise<number>;
  /** An answer that just came has told this time. */
  note(redisMs: number): void;
}

/** Milliseconds for which a time counts: two clocks drift apart by less than 1 ms meanwhile. */
const KNOWN_FOR_MS = 5000;

/** @param elapsed milliseconds that only ever grow. Default: performance.now */
export function createRedisClock(redis: Redis, elapsed = () => performance.now()): RedisClock {
  let known = { redisMs: 0, at: Number.NEGATIVE_INFINITY };
  // The next one may be another server.
  redis.on('close', () => {
    known = { redisMs: 0, at: Number.NEGATIVE_INFINITY };
  });
  const note = (redisMs: number): void => {
    known = { redisMs, at: elapsed() };
  };
  return {
    note,
    async now() {
      if (elapsed() - known.at > KNOWN_FOR_MS) {
        const [seconds, micros] = await answered(redis, redis.time());
        note(Number(seconds) * 1000 + Number(micros) / 1000);
      }
      return known.redisMs + (elapsed() - known.at);
    },
  };
}
