/** A real broker on the test's own prefix, connected, closed after the test. */
import type { Broker } from '../../shared/broker.ts';
import { createRedisBroker, type RedisBrokerOptions } from '../../shared/brokers/redis.ts';
import type { Config } from '../../shared/config.ts';
import { createKeys } from '../../shared/keys.ts';
import type { TaskMessage } from '../../shared/message.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../../shared/redis.ts';
import { specOf } from '../../shared/registry.ts';
import type { Task } from '../../shared/task.ts';
import { defer } from './defer.ts';
import { silentLog, testConfig, testRedis, testRedisUrl } from './redis.ts';

type Given = Partial<Pick<RedisBrokerOptions, 'redis' | 'memoryLimit' | 'now'>>;

export async function startTestBroker(config: Config = testConfig(), given: Given = {}) {
  const { redis = connectFailingFast(config.redisUrl, silentLog()) } = given;
  const subscriber = connectPatiently(config.redisUrl, silentLog());
  const { prefix } = config;
  const broker = createRedisBroker({ ...given, redis, subscriber, prefix });
  defer(() => broker.close());
  if (config.redisUrl === testRedisUrl()) {
    await Promise.all([whenConnected(redis, 5000), whenConnected(subscriber, 5000)]);
  }
  return { broker, config, keys: createKeys(config.prefix), redis: testRedis() };
}

/** Due tasks of a queue that no worker has taken yet. */
export async function countWaiting(broker: Broker, queue: string): Promise<number> {
  const found = (await broker.queues()).find(({ name }) => name === queue);
  return found?.waiting ?? 0;
}

/** Publishes tasks as a worker does at its start. */
export async function publish(
  { redis, keys }: Pick<Awaited<ReturnType<typeof startTestBroker>>, 'redis' | 'keys'>,
  tasks: readonly Task[],
): Promise<void> {
  for (const task of tasks)
    await redis.hset(keys.registry, task.name, JSON.stringify(specOf(task)));
  await redis.publish(keys.registryChanges, '');
}

/** A message as a producer makes it: task `add`, queue `default`, sent now. */
export function messageOf(id: string, given: Partial<TaskMessage> = {}): TaskMessage {
  return { id, name: 'add', queue: 'default', sentAt: Date.now(), body: { kwargs: {} }, ...given };
}
