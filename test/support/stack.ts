/** An API that knows tasks, with a worker that runs them or without one. */
import type { Redis } from 'ioredis';
import type { Config } from '../../shared/config.ts';
import { createKeys } from '../../shared/keys.ts';
import { specOf } from '../../shared/registry.ts';
import type { Task } from '../../shared/task.ts';
import type { QueueChoice } from '../../worker/fleet.ts';
import { startTestApi, type TestApi, type TestApiOptions } from './api.ts';
import { testConfig, testRedis } from './redis.ts';
import { startTestWorker } from './worker.ts';

/** No worker: what is sent stays where it is. */
export async function startApiAlone(
  tasks: readonly Task[],
  given: Partial<Config> = {},
  options: TestApiOptions = {},
): Promise<{ api: TestApi; redis: Redis }> {
  const config = testConfig(given);
  const redis = await publishTasks(config, tasks);
  return { api: await startTestApi(config, options), redis };
}

/** The worker is there first, so that the API knows its tasks from the start. */
export async function startApiAndWorker(
  tasks: readonly Task[],
  given: Partial<Config> = {},
  queues?: readonly QueueChoice[],
): Promise<TestApi> {
  const config = testConfig(given);
  await startTestWorker(config, tasks, queues);
  return startTestApi(config);
}

export async function publishTasks(config: Config, tasks: readonly Task[]): Promise<Redis> {
  const redis = testRedis(config.redisUrl);
  const specs = tasks.map((task) => [task.name, JSON.stringify(specOf(task))] as const);
  if (specs.length > 0) {
    await redis.hset(createKeys(config.prefix).registry, Object.fromEntries(specs));
  }
  return redis;
}

/** How many tasks of the queue are stored and have not ended. */
export async function storedIn(redis: Redis, { prefix }: Config, queue = 'default') {
  const base = createKeys(prefix).queueBase(queue);
  const [waiting, delayed, active] = await Promise.all([
    redis.llen(`${base}wait`),
    redis.zcard(`${base}delayed`),
    redis.llen(`${base}active`),
  ]);
  return waiting + delayed + active;
}
