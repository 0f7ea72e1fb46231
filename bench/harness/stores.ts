/** Empty places for tasks, and how they are looked at. */
import type { Store } from './peer.ts';
import type { BenchRedis } from './redis.ts';

const POLL_MS = 25;

/** The Redis of the run, which whoever asks has flushed; `done` is one command of O(1). */
export function redisStore(
  redis: BenchRedis,
  { env = {}, done }: { env?: Readonly<Record<string, string>>; done: () => Promise<number> },
): Store {
  return {
    env: { BENCH_REDIS_URL: redis.url, ...env },
    done,
    pollMs: POLL_MS,
    cpu: redis.cpu,
  };
}

/** For peers that write each result as one key, into database 1: DBSIZE counts them. */
export async function resultsApart(redis: BenchRedis): Promise<Store> {
  await redis.flush();
  return redisStore(redis, { done: () => redis.results.dbsize() });
}
