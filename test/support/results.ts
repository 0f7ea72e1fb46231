/** Many results in a queue, as if tasks had ended long ago: written by Redis itself, for there may be a million. */
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';

export interface Results {
  readonly queue?: string;
  readonly succeeded?: boolean;
  readonly count: number;
  /** Milliseconds since the oldest has ended, and the youngest. */
  readonly oldestMs: number;
  readonly youngestMs: number;
  /** Bytes of each. Default: 2 */
  readonly bytes?: number;
}

const AT_ONCE = 1000;
const SCRIPT = `
local base, set, first, count, from, step, value = unpack(ARGV)
for i = tonumber(first), first + count - 1 do
  local key, at = base .. 'r' .. i, string.format('%.0f', from + i * step)
  redis.call('HSET', key, 'name', 'add', 'data', '{}', 'timestamp', at, 'finishedOn', at, 'returnvalue', value)
  redis.call('ZADD', set, at, 'r' .. i)
  redis.call('RPUSH', key .. ':logs', '{}')
end`;

/** Stores them under the ids r0, the oldest, r1, and so on. */
export async function storeResults(redis: Redis, keys: Keys, results: Results): Promise<void> {
  const { queue = 'default', succeeded = true, count, oldestMs, youngestMs, bytes = 2 } = results;
  const step = (oldestMs - youngestMs) / Math.max(1, count - 1);
  const value = JSON.stringify('x'.repeat(bytes - 2));
  await redis.sadd(keys.queues, queue);
  const [base, set] = [keys.queueBase(queue), keys.finished(queue, succeeded)];
  for (let first = 0; first < count; first += AT_ONCE) {
    const some = Math.min(AT_ONCE, count - first);
    await redis.eval(SCRIPT, 0, base, set, first, some, Date.now() - oldestMs, step, value);
  }
}
