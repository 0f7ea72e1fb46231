/** What the runs of a worker share, for tests of steps and consumers without a whole worker. */
import type { Config } from '../../shared/config.ts';
import { createKeys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import { connectPatiently, disconnect } from '../../shared/redis.ts';
import { createRegistry } from '../../shared/registry.ts';
import type { Task } from '../../shared/task.ts';
import { createTeller } from '../../shared/teller.ts';
import { changeScripts } from '../../worker/bullScripts.ts';
import { createLimits } from '../../worker/limits.ts';
import { createPools } from '../../worker/pools.ts';
import { createSender } from '../../worker/sender.ts';
import { createStalls } from '../../worker/services/stalls.ts';
import type { Tools } from '../../worker/tools.ts';
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
  const keys = createKeys(config.prefix);
  const redis = connectPatiently(config.redisUrl, log);
  defer(() => disconnect(redis));
  changeScripts(redis, log);
  const registry = createRegistry(tasks.map((task) => [task, 'the test'] as const));
  const limits = createLimits({ redis, keys, config, log });
  const sender = createSender(config, log);
  const slots = () => config.concurrency;
  const pools = createPools({ config, registry, modules, slots, log });
  defer(() => Promise.all([limits.stop(), sender.stop(), pools.stop()]));
  const stalls = createStalls({ log });
  const teller = createTeller({ redis, keys });
  return {
    worker: 'w1',
    registry,
    redis,
    keys,
    config,
    limits,
    pools,
    sender,
    stalls,
    teller,
    log,
  };
}
