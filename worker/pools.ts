/** The threads and processes of a worker, made when its first task needs one. */
import type { Config } from '../shared/config.ts';
import { DefinitionError } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import type { Registry } from '../shared/registry.ts';
import type { Service } from './every.ts';
import { type ChildRun, createPool, type Pool } from './pools/pool.ts';

export type PoolKind = 'thread' | 'process';

export interface Pools extends Service {
  run(kind: PoolKind, run: ChildRun): Promise<unknown>;
  /** Children of each kind that live, and those that run a task. */
  stats(): Readonly<Partial<Record<PoolKind, { children: number; busy: number; idle: number }>>>;
}

export interface PoolsOptions {
  readonly config: Pick<
    Config,
    'runIn' | 'maxTasksPerChild' | 'maxMemoryPerChild' | 'resultMaxBytes'
  >;
  readonly registry: Registry;
  /** Paths of the task modules, as `loadTasks` takes them. */
  readonly modules: readonly string[];
  /** Tasks that may run at once. */
  slots(): number;
  readonly log: Log;
}

export function createPools(options: PoolsOptions): Pools {
  const { config, registry, modules, slots, log } = options;
  const pools = new Map<PoolKind, Pool>();

  const poolOf = (kind: PoolKind): Pool => {
    const known = pools.get(kind);
    if (known) return known;
    const { maxTasksPerChild, maxMemoryPerChild } = config;
    const pool = createPool({
      kind,
      // One spare: when a child is killed, the next task need not wait for another to be born.
      max: () => slots() + 1,
      maxTasksPerChild,
      maxMemoryPerChild,
      modules,
      log,
    });
    pools.set(kind, pool);
    return pool;
  };
  return {
    name: 'pools',
    start() {
      const kinds = new Set(
        [...registry.values()].map(({ options: { runIn } }) => runIn ?? config.runIn),
      );
      for (const kind of ['thread', 'process'] as const) {
        if (!kinds.has(kind)) continue;
        if (modules.length === 0) {
          throw new DefinitionError(`Tasks with runIn "${kind}" need task modules: see --tasks`);
        }
        poolOf(kind).start();
      }
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
    run: (kind, run) => poolOf(kind).run(run),
    stats: () =>
      Object.fromEntries(
        [...pools].map(([kind, { children, busy, idle }]) => [kind, { children, busy, idle }]),
      ),
  };
}
