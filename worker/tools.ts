/** What all runs of a worker share. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { createRedisClock, type RedisClock } from '../shared/brokers/clock.ts';
import type { Teller } from '../shared/clusterEvents.ts';
import type { Config } from '../shared/config.ts';
import { createKeys, type Keys } from '../shared/keys.ts';
import type { Log } from '../shared/log.ts';
import type { Registry } from '../shared/registry.ts';
import { createTeller, type RedisTeller } from '../shared/teller.ts';
import { changeScripts } from './bullScripts.ts';
import { createLimits, type Limits } from './limits.ts';
import { createPools, type Pools } from './pools.ts';
import { createPulse, type Pulse } from './pulse.ts';
import { createQuarantine, type Quarantine } from './quarantine.ts';
import { createPatience, type Patience } from './refusals.ts';
import { createSender, type TaskSender } from './sender.ts';
import { createStalls, type Stalls } from './services/stalls.ts';

export interface Tools {
  /** Name of this worker, shown with each task that it runs. */
  readonly worker: string;
  readonly registry: Registry;
  readonly redis: Redis;
  readonly keys: Keys;
  /** The clock of Redis: by it all times count that somebody else may read. */
  readonly clock: RedisClock;
  readonly config: Config;
  readonly limits: Limits;
  readonly pools: Pools;
  readonly quarantine: Quarantine;
  readonly sender: TaskSender;
  readonly pulse: Pulse;
  readonly stalls: Stalls;
  /** First part of the tokens of all slots, as no other worker has it. */
  readonly tokens: string;
  readonly teller: Teller;
  /** With a Redis that refuses what is written. */
  readonly patience: Patience;
  readonly log: Log;
}

export interface ToolsOptions
  extends Pick<Tools, 'worker' | 'registry' | 'redis' | 'config' | 'log'> {
  /** Paths of the task modules, for tasks that run in threads and processes. */
  readonly modules: readonly string[];
  /** Tasks that may run at once. */
  slots(): number;
}

/** Limits, pools, the sender and stalls are services, to be started and stopped by the caller. */
export function createTools({
  worker,
  registry,
  redis,
  config,
  log,
  ...rest
}: ToolsOptions): Tools & { readonly teller: RedisTeller } {
  const keys = createKeys(config.prefix, redis.options.db);
  const patience = createPatience(log);
  changeScripts(redis, patience);
  const pulse = createPulse([...registry.keys()]);
  return {
    worker,
    registry,
    redis,
    keys,
    clock: createRedisClock(redis),
    config,
    limits: createLimits({ redis, keys, config, log }),
    pools: createPools({ config, registry, log, ...rest }),
    quarantine: createQuarantine(),
    sender: createSender(config, log),
    pulse,
    stalls: createStalls({ pulse, log }),
    tokens: `${randomUUID()}:`,
    teller: createTeller({ redis, keys }),
    patience,
    log,
  };
}
