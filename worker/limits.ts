/** The limits of this worker's tasks: those of their definitions, and over them those set at run time. */
import type { Redis } from 'ioredis';
import { limitsIn, readLimits } from '../shared/brokers/limiter.ts';
import type { Config } from '../shared/config.ts';
import type { Keys } from '../shared/keys.ts';
import type { Log } from '../shared/log.ts';
import type { MessageBody } from '../shared/message.ts';
import type { TaskLimitsRequest } from '../shared/schemas.ts';
import type { Task } from '../shared/task.ts';
import type { TurnLimits } from '../shared/turns.ts';
import { every, type Service } from './every.ts';

/** Limits of one run. */
export interface RunLimits {
  /** Milliseconds between two starts over the cluster; 0 = no limit. */
  readonly intervalMs: number;
  /** Runs at once over the cluster; 0 = no limit. */
  readonly maxConcurrency: number;
  /** Seconds; undefined = no limit. */
  readonly timeLimit: number | undefined;
  readonly softTimeLimit: number | undefined;
}

export interface Limits extends Service {
  /** Call over what was set at run time over task over worker. */
  of(task: Task, call: MessageBody): RunLimits;
  /** Limits of starts by the task's definition alone. */
  own(task: Task): TurnLimits;
  /** Reads what was set at run time. */
  refresh(): Promise<void>;
}

export interface LimitsOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly config: Pick<Config, 'timeLimit' | 'softTimeLimit'>;
  readonly log: Log;
}

/** A change is told to all workers at once; should that get lost, it is seen within this time. */
const LOOK_MS = 5000;

export function createLimits({ redis, keys, config, log }: LimitsOptions): Limits {
  let set: ReadonlyMap<string, TaskLimitsRequest> = new Map();
  /** Of tasks whose calls say nothing of limits, which most do not. */
  let known = new WeakMap<Task, RunLimits>();

  const withoutCall = (task: Task): RunLimits => {
    const changed = set.get(task.name) ?? {};
    const { timeLimit, softTimeLimit, ...limits } = limitsIn(changed, limitsOf(task));
    return {
      ...limits,
      timeLimit: orNone(timeLimit ?? config.timeLimit),
      softTimeLimit: orNone(softTimeLimit ?? config.softTimeLimit),
    };
  };
  /** None is ever taken out (brokers/limiter.ts): what is missing, a flush or an eviction has taken. */
  const putBack = async (stored: typeof set): Promise<typeof set> => {
    const lost = [...set].filter(([task]) => !stored.has(task));
    // Not over what somebody has set meanwhile.
    await Promise.all(
      lost.map(([task, limits]) => redis.hsetnx(keys.limits, task, JSON.stringify(limits))),
    );
    return new Map([...lost, ...stored]);
  };
  const refresh = async (): Promise<void> => {
    set = await putBack(await readLimits(redis, keys));
    known = new WeakMap();
  };
  const look = async (): Promise<void> => {
    if (redis.status === 'ready') await refresh();
  };
  const loop = every('limits', LOOK_MS, look, log);
  return {
    ...loop,
    async start() {
      // Before the first task: a limit that was set must hold from the start.
      await refresh();
      await loop.start();
    },
    refresh,
    own: (task) => limitsIn({}, limitsOf(task)),
    of(task, { time_limit: hard, soft_time_limit: soft }) {
      let limits = known.get(task);
      if (!limits) {
        limits = withoutCall(task);
        known.set(task, limits);
      }
      if (hard === undefined && soft === undefined) return limits;
      return {
        ...limits,
        timeLimit: hard ?? limits.timeLimit,
        softTimeLimit: soft ?? limits.softTimeLimit,
      };
    },
  };
}

function limitsOf({ options }: Task): TaskLimitsRequest {
  return {
    rate_limit: options.rateLimit ?? null,
    max_concurrency: options.maxConcurrency ?? null,
    time_limit: options.timeLimit ?? null,
    soft_time_limit: options.softTimeLimit ?? null,
  };
}

function orNone(seconds: number): number | undefined {
  return seconds > 0 ? seconds : undefined;
}
