/** Whose turn it is, of tasks with a rate or a concurrency limit: lua/turns.lua and lua/respace.lua. */
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';
import { runScript } from './lua.ts';

/** A task's own limits; those that were set at run time, lua/turns.lua knows. 0 = none. */
export interface TurnLimits {
  readonly intervalMs: number;
  readonly maxConcurrency: number;
}

/** A task and one of its jobs. */
export interface Turn {
  readonly task: string;
  /** Redis key. */
  readonly job: string;
}

export type Permission = readonly ['go'] | readonly ['parked'] | readonly ['later', waitMs: number];

/** Asks whether a task with limits may start; see lua/turns.lua. */
export function takeTurn(
  redis: Redis,
  keys: Keys,
  turn: Turn,
  limits: TurnLimits,
): Promise<Permission> {
  return runScript(redis, 'turns', turnKeys(keys, turn), turnArgs('take', turn, limits));
}

/** Passes the turn of a task with a concurrency limit on, which has ended or will not start. */
export function endTurn(
  redis: Redis,
  keys: Keys,
  turn: Turn,
  limits: TurnLimits,
): Promise<unknown> {
  return runScript(redis, 'turns', turnKeys(keys, turn), turnArgs('end', turn, limits));
}

/** Where one call of tendTurns lets so many jobs go on, there may be more. */
export const TENDED_AT_ONCE = 500;

/** Looks after the jobs of a task that wait for their turn: how many may go on now. */
export function tendTurns(
  redis: Redis,
  keys: Keys,
  task: string,
  limits: TurnLimits,
): Promise<number> {
  const nobody = { task, job: '' };
  return runScript(redis, 'turns', turnKeys(keys, nobody), turnArgs('tend', nobody, limits));
}

function turnKeys(keys: Keys, { task }: Turn): string[] {
  const lines = [keys.reserved(task), keys.running(task), keys.parked(task)];
  return [keys.rate(task), ...lines, keys.limits];
}

function turnArgs(op: 'take' | 'end' | 'tend', { task, job }: Turn, limits: TurnLimits) {
  return [op, job, task, limits.intervalMs, limits.maxConcurrency];
}

/** Gives reserved tasks new slots, the first `slot`: the slot behind them; see lua/respace.lua. */
export async function respace(
  redis: Redis,
  reserved: string,
  jobs: readonly string[],
  { intervalMs, slot }: { readonly intervalMs: number; readonly slot: number },
): Promise<number> {
  return Number(await runScript<string>(redis, 'respace', [reserved], [intervalMs, slot, ...jobs]));
}
