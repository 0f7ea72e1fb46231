/** Empties queues of what has not started. */
import type { Redis } from 'ioredis';
import type { Keys } from '../keys.ts';
import { answered } from '../redis.ts';
import { purgeSome } from '../scripts.ts';

/** Tasks in one call of the script: Redis is busy with them for some milliseconds. */
const PURGE_AT_ONCE = 500;

/**
 * Removes all tasks of a queue that wait, are due later or are to be retried, and says how many.
 * @param announce tells those who wait for a task to look at it
 */
export function createPurge(redis: Redis, keys: Keys, announce: (id: string) => void) {
  return async (queue: string): Promise<number> => {
    let purged = 0;
    for (let isEmpty = false; !isEmpty; ) {
      const purging = purgeSome(redis, keys, queue, PURGE_AT_ONCE);
      const [looked, ...ids] = await answered(redis, purging);
      for (const id of ids) announce(id);
      purged += ids.length;
      isEmpty = looked < PURGE_AT_ONCE;
    }
    return purged;
  };
}
