/** Keeps the worker informed of what the clock of Redis shows. */
import type { RedisClock } from '../../shared/brokers/clock.ts';
import type { Log } from '../../shared/log.ts';
import type { Redis } from '../../shared/redis.ts';
import { every, type Service } from '../every.ts';

/** Milliseconds between two looks: behind each the time that was told before counts no more. */
const LOOK_MS = 6000;
/** Milliseconds of a distance that is told at the start. */
const APART_MS = 1000;

export function createTimekeeper(clock: RedisClock, redis: Redis, log: Log): Service {
  const look = async (): Promise<void> => {
    // Behind an outage the first answer counts, which nobody has to wait for.
    if (redis.status === 'ready') await clock.read();
  };
  const loop = every('timekeeper', LOOK_MS, look, log);
  const lookAtOnce = () => void look().catch(() => undefined);
  return {
    ...loop,
    async start() {
      await clock.read();
      const aheadMs = clock.aheadMs();
      if (Math.abs(aheadMs) > APART_MS) {
        log.warn(
          { clock_ahead_ms: aheadMs },
          'the clock of this machine differs from that of Redis, by which tasks are due: synchronise both by NTP',
        );
      }
      redis.on('ready', lookAtOnce);
      await loop.start();
    },
    async stop() {
      redis.off('ready', lookAtOnce);
      await loop.stop();
    },
  };
}
