/**
 * Looks after tasks that wait for their turn: takes back what workers without the task have parked,
 * and passes turns on that got lost, with a worker or with a task that was revoked.
 */
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import type { Registry } from '../../shared/registry.ts';
import type { Task } from '../../shared/task.ts';
import { TENDED_AT_ONCE, tendTurns } from '../../shared/turns.ts';
import { every, type Service } from '../every.ts';
import type { Limits } from '../limits.ts';

export interface TurnsOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly registry: Registry;
  readonly limits: Pick<Limits, 'of' | 'own'>;
  readonly log: Log;
}

export interface Turns extends Service {
  /** Looks after every task of this worker, now: its limits have changed. */
  tend(): Promise<void>;
}

/** Milliseconds between two looks. */
const LOOK_MS = 2000;

export function createTurns({ redis, keys, registry, limits, log }: TurnsOptions): Turns {
  const tend = async (task: Task): Promise<void> => {
    const { name } = task;
    const isMore = (count: number) => count >= TENDED_AT_ONCE;
    while (isMore(await tendTurns(redis, keys, name, limits.own(task))));
  };
  const tendAll = async (tasks: readonly Task[]): Promise<void> => {
    await Promise.all(tasks.map(tend));
  };
  const all = [...registry.values()];
  const isLimited = (task: Task): boolean => {
    const { intervalMs, maxConcurrency } = limits.of(task, {});
    return intervalMs > 0 || maxConcurrency > 0;
  };
  /** Workers without a task that share its queue park it again and again; limits may be turned off. */
  const isSomeWaiting = async (tasks: readonly Task[]): Promise<boolean> => {
    const lines = tasks.flatMap(({ name }) => [keys.parked(name), keys.reserved(name)]);
    return lines.length > 0 && (await redis.exists(...lines)) > 0;
  };
  const pass = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    await tendAll(all.filter(isLimited));
    const others = all.filter((task) => !isLimited(task));
    if (await isSomeWaiting(others)) await tendAll(others);
  };
  const loop = every('turns', LOOK_MS, pass, log);
  return {
    ...loop,
    tend: () => tendAll(all),
    async start() {
      await tendAll(all);
      await loop.start();
    },
  };
}
