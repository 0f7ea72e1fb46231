/** What `kaje doctor` asks of Redis, the API and the workers. */
import { Kaje } from '../client/index.ts';
import type { Config } from '../shared/config.ts';
import { createKeys } from '../shared/keys.ts';
import { createLog } from '../shared/log.ts';
import {
  answered,
  connectFailingFast,
  disconnect,
  type Redis,
  whenConnected,
} from '../shared/redis.ts';
import { redisTarget } from '../shared/redisTarget.ts';
import type { RegistryEntry } from '../shared/schemas.ts';
import { checkApi } from './apiCheck.ts';
import { checkQueues, checkRedis, checkWorkers, type Finding } from './checks.ts';

/** @param url of the API */
export async function examine(config: Config, url: string): Promise<Finding[]> {
  const redis = connectFailingFast(
    redisTarget(config),
    createLog({ logLevel: 'silent', logFormat: 'json' }, 'doctor'),
  );
  const probe = () => answered(redis, redis.get(createKeys(config.prefix).probe));
  try {
    await whenConnected(redis, 2000);
    const found = await checkRedis(redis, config);
    const isReachable = found.every(({ check, status }) => check !== 'redis' || status === 'ok');
    return [
      ...found,
      ...(isReachable ? await checkWorkers(redis, config) : []),
      ...(isReachable ? await examineQueues(redis, config) : []),
      await checkApi(url, isReachable ? probe : undefined),
    ];
  } finally {
    await disconnect(redis);
  }
}

async function examineQueues(redis: Redis, config: Config): Promise<Finding[]> {
  const { prefix } = config;
  const { url, ...tls } = redisTarget(config);
  const kaje = new Kaje({ redis: url, prefix, ...tls });
  try {
    const [queues, tasks] = await Promise.all([kaje.queues(), kaje.registry()]);
    return checkQueues(queues, tasks, await parkedOf(redis, prefix, tasks));
  } finally {
    await kaje.close();
  }
}

/** How many of each task wait for a worker that has it, where no worker alive has. */
async function parkedOf(redis: Redis, prefix: string, tasks: readonly RegistryEntry[]) {
  const keys = createKeys(prefix);
  const unserved = tasks.filter(({ workers }) => workers.length === 0);
  const counts = await Promise.all(
    unserved.map(async ({ name }) => {
      const count = await answered(redis, redis.zcard(keys.parked(name)));
      return [name, count] as const;
    }),
  );
  return new Map(counts.filter(([, count]) => count > 0));
}
