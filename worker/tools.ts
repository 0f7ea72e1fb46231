/** What all runs of a worker share. */
import type { Redis } from 'ioredis';
import type { Teller } from '../shared/clusterEvents.ts';
import type { Config } from '../shared/config.ts';
import type { Keys } from '../shared/keys.ts';
import type { Log } from '../shared/log.ts';
import type { Registry } from '../shared/registry.ts';
import type { Limits } from './limits.ts';
import type { Pools } from './pools.ts';
import type { TaskSender } from './sender.ts';
import type { Stalls } from './services/stalls.ts';

export interface Tools {
  /** Name of this worker, shown with each task that it runs. */
  readonly worker: string;
  readonly registry: Registry;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly config: Config;
  readonly limits: Limits;
  readonly pools: Pools;
  readonly sender: TaskSender;
  readonly stalls: Stalls;
  readonly teller: Teller;
  readonly log: Log;
}
