/** The threads and processes of a worker, made when its first task needs one. */
import type { Config } from '../shared/config.ts';
import { DefinitionError } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import type { Registry } from '../shared/registry.ts';
import type { RunIn } from '../shared/taskOptions.ts';
import type { Service } from './every.ts';
import { type ChildRun, createPool, type Pool } from './pools/pool.ts';
import { PLACES } from './quarantine.ts';

export type PoolKind = 'thread' | 'process';

type Counts = Pick<Pool, 'children' | 'busy' | 'idle'>;

export interface Apart {
  /** Whether the process has run nothing before, which may have left something behind that ends it. */
  readonly isFresh: boolean;
  /** Where the task runs otherwise. */
  readonly home: RunIn;
}

export interface Pools extends Service {
  run(kind: PoolKind, run: ChildRun): Promise<unknown>;
  /** Whether tasks can run apart: there are modules that another process can import. */
  readonly canRunApart: boolean;
  /** Runs a task in a process that runs nothing else meanwhile. */
  runApart(run: ChildRun, how: Apart): Promise<unknown>;
  /** Children of each kind, and those for tasks that run apart: how many live, run a task, and are free. */
  stats(): Readonly<Partial<Record<PoolKind | 'quarantine', Counts>>>;
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

/** Milliseconds that processes stay for tasks that were lost: they are needed after a loss only. */
const APART_IDLE_MS = 10_000;

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
  const apart = new Map<string, Pool>();
  const apartOf = ({ isFresh, home }: Apart): Pool => {
    const maxTasksPerChild = isFresh ? 1 : config.maxTasksPerChild;
    // What a process holds in all is no measure for a thread, nor for what shares the worker's memory.
    const maxMemoryPerChild = home === 'process' ? config.maxMemoryPerChild : 0;
    const key = `${maxTasksPerChild} ${maxMemoryPerChild}`;
    const bounds = { max: PLACES, idleMs: APART_IDLE_MS, maxTasksPerChild, maxMemoryPerChild };
    const pool = apart.get(key) ?? createPool({ kind: 'process', ...bounds, modules, log });
    apart.set(key, pool);
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
      const all = [...pools.values(), ...apart.values()];
      await Promise.all(all.map((pool) => pool.stop()));
    },
    run: (kind, run) => poolOf(kind).run(run),
    canRunApart: modules.length > 0,
    runApart: (run, how) => apartOf(how).run(run),
    stats() {
      const quarantine = [...apart.values()];
      return {
        ...Object.fromEntries([...pools].map(([kind, pool]) => [kind, countsOf([pool])])),
        ...(quarantine.length > 0 && { quarantine: countsOf(quarantine) }),
      };
    },
  };
}

function countsOf(pools: readonly Pool[]): Counts {
  const sum = (key: keyof Counts) => pools.reduce((total, pool) => total + pool[key], 0);
  return { children: sum('children'), busy: sum('busy'), idle: sum('idle') };
}
