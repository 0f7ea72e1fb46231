/** What the runs of a worker share, for tests of steps and consumers without a whole worker. */
import type { Config } from '../../shared/config.ts';
import type { Log } from '../../shared/log.ts';
import { connectPatiently, disconnect } from '../../shared/redis.ts';
import { createRegistry } from '../../shared/registry.ts';
import type { Task } from '../../shared/task.ts';
import { createTools, type Tools } from '../../worker/tools.ts';
import { defer } from './defer.ts';
import { silentLog } from './redis.ts';

export interface TestToolsOptions {
  readonly modules?: readonly string[];
  readonly log?: Log;
}

/** Real ones, on a connection of their own that is closed after the test. */
export function testTools(
  config: Config,
  tasks: readonly Task[],
  { modules = [], log = silentLog() }: TestToolsOptions = {},
): Tools {
  const redis = connectPatiently(config.redisUrl, log);
  defer(() => disconnect(redis));
  const registry = createRegistry(tasks.map((task) => [task, 'the test'] as const));
  const slots = () => config.concurrency;
  const tools = createTools({ worker: 'w1', registry, redis, config, modules, slots, log });
  const { limits, sender, pools } = tools;
  defer(() => Promise.all([limits.stop(), sender.stop(), pools.stop()]));
  return tools;
}
