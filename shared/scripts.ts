/** Our Lua scripts, each a typed function. ioredis sends the text once a connection, then its hash. */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { FoundTask } from './jobHash.ts';
import { type Keys, shardOf } from './keys.ts';

type Script =
  | 'readTasks'
  | 'revoke'
  | 'removeEnded'
  | 'beat'
  | 'revive'
  | 'replaceField'
  | 'turns'
  | 'respace'
  | 'markLost'
  | 'claimUnique'
  | 'addChild'
  | 'purge'
  | 'listTasks'
  | 'appendLogs'
  | 'readLogs';

/** Reads tasks by id from the queues at `bases`, and the clock of Redis; see lua/readTasks.lua. */
export function readTasks(
  redis: Redis,
  bases: readonly string[],
  fields: readonly string[],
  ids: readonly string[],
): Promise<[nowMs: number, ...found: (FoundTask | null)[]]> {
  return run(redis, 'readTasks', bases, [fields.length, ...fields, ...ids]);
}

export interface Revocation {
  readonly id: string;
  /**
   * What happens to one that runs: it is ended, marked so that it never runs again, or left alone.
   * `overdue` leaves those that wait alone as well, but for those that have expired.
   */
  readonly mode: 'terminate' | 'stop' | 'overdue';
  readonly error: Error;
}

/** `ready`: it had ended before; `running`: it is told to stop, or left alone. */
export type Revoked = 'unknown' | 'ready' | 'running' | 'revoked';

/** Keeps a task from running; see lua/revoke.lua. */
export function revokeTask(
  redis: Redis,
  bases: readonly string[],
  { id, mode, error }: Revocation,
): Promise<Revoked> {
  const { name, message } = error;
  return run(redis, 'revoke', bases, [id, mode, name, message]);
}

/** How a task has ended: two fields of its record. */
export interface Ending {
  readonly finishedOn: string | null;
  readonly deferred: string | null;
}

/** Removes a task if it has ended, and still so if `read` is given; see lua/removeEnded.lua. */
export async function removeEnded(
  redis: Redis,
  base: string,
  id: string,
  read?: Ending,
): Promise<boolean> {
  const ending = read ? [read.finishedOn ?? '', read.deferred ?? ''] : [];
  return (await run<number>(redis, 'removeEnded', [base], [id, ...ending])) === 1;
}

/** Prepares a task that has ended for another life; see lua/revive.lua. */
export function reviveTask(
  redis: Redis,
  base: string,
  id: string,
  nowMs: number,
): Promise<'ended' | 'waiting' | 'taken' | 'open'> {
  return run(redis, 'revive', [base], [id, nowMs]);
}

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
  return run(redis, 'turns', turnKeys(keys, turn), turnArgs('take', turn, limits));
}

/** Passes the turn of a task with a concurrency limit on, which has ended or will not start. */
export function endTurn(
  redis: Redis,
  keys: Keys,
  turn: Turn,
  limits: TurnLimits,
): Promise<unknown> {
  return run(redis, 'turns', turnKeys(keys, turn), turnArgs('end', turn, limits));
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
  return run(redis, 'turns', turnKeys(keys, nobody), turnArgs('tend', nobody, limits));
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
  return Number(await run<string>(redis, 'respace', [reserved], [intervalMs, slot, ...jobs]));
}

/** What a field of a hash is to be; '' stands for none. */
export interface Replacement {
  readonly key: string;
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** Changes a field unless somebody has changed it meanwhile; see lua/replaceField.lua. */
export async function replaceField(redis: Redis, replacement: Replacement): Promise<boolean> {
  const { key, field, before, after } = replacement;
  return (await run<number>(redis, 'replaceField', [key], [field, before, after])) === 1;
}

/**
 * Marks a task as lost with its worker while it runs, unless it has another mark; see lua/markLost.lua.
 * @param noted '' takes the mark away
 */
export function markLost(redis: Redis, job: string, mark: string, noted: string): Promise<unknown> {
  return run(redis, 'markLost', [job], [mark, noted]);
}

/** Claims uniquenesses, all or none: the task that holds each then, and since how many ms; see lua/claimUnique.lua. */
export function claimUniqueness(
  redis: Redis,
  keys: readonly string[],
  claims: readonly { id: string; ttlMs: number; instead?: string | undefined }[],
): Promise<[holder: string, heldMs: number][]> {
  const args = claims.flatMap(({ id, ttlMs, instead = '' }) => [id, Math.ceil(ttlMs), instead]);
  return run(redis, 'claimUnique', keys, args);
}

/** Notes a child in the record of its parent; see lua/addChild.lua. */
export function addChild(redis: Redis, job: string, child: string): Promise<unknown> {
  return run(redis, 'addChild', [job], [child]);
}

/** Removes up to `max` tasks that have not started: how many it looked at, and whose ids; see lua/purge.lua. */
export function purgeSome(
  redis: Redis,
  keys: Keys,
  queue: string,
  max: number,
): Promise<[looked: number, ...removed: string[]]> {
  const base = keys.queueBase(queue);
  const states = ['wait', 'prioritized', 'delayed', 'failed'].map((state) => base + state);
  const lines = [keys.reserved(''), keys.parked('')];
  return run(redis, 'purge', states, [base, max, ...lines]);
}

/** The last task walked of a source: [score, id?], or [time, index, rest, id ...] of a list; [] when all is told. */
export type Place = readonly (string | number)[];

/** What is walked, and how far at most; see lua/listTasks.lua. */
export interface Walk {
  readonly kinds: readonly { readonly name: string; readonly set: string }[];
  /** Of each queue: name of a kind -> place. */
  readonly places: readonly Readonly<Record<string, Place>>[];
  readonly want: number;
  readonly examine: number;
  readonly bytes: number;
}

export type WalkAnswer = readonly [
  found: readonly (readonly [queue: number, kind: number, place: Place, id: string])[],
  ends: readonly (readonly [queue: number, kind: number, place: Place])[],
  examined: number,
  bytes: number,
  isDone: 0 | 1,
];

/** Walks the tasks of the queues at `bases`, newest first; see lua/listTasks.lua. */
export function walkTasks(redis: Redis, bases: readonly string[], walk: Walk): Promise<WalkAnswer> {
  return run(redis, 'listTasks', bases, [JSON.stringify(walk)]);
}

/** Lines for the log of a task; see lua/appendLogs.lua. */
export interface LogLines {
  readonly queue: string;
  readonly id: string;
  readonly lines: readonly string[];
  /** Lines written; more than are here where they were too many. */
  readonly count: number;
  /** Lines that stay. */
  readonly keep: number;
}

export function appendLogs(
  redis: Redis,
  keys: Keys,
  { queue, id, lines, count, keep }: LogLines,
): Promise<unknown> {
  const channel = keys.changes(shardOf(id));
  const log = [keys.job(queue, id), keys.logs(queue, id)];
  return run(redis, 'appendLogs', log, [count, keep, channel, id, ...lines]);
}

/** Lines of a task's log behind number `after`; see lua/readLogs.lua. */
export function readLogs(
  redis: Redis,
  keys: Keys,
  { queue, id, after }: { readonly queue: string; readonly id: string; readonly after: number },
): Promise<[total: number, lines: string[]]> {
  return run(redis, 'readLogs', [keys.job(queue, id), keys.logs(queue, id)], [after]);
}

/** What a worker tells of itself, as JSON, and for how many ms it counts as alive, and is remembered. */
export interface Beat {
  readonly worker: string;
  readonly json: string;
  readonly ttlMs: number;
  readonly forgetMs: number;
}

/** Stores a heartbeat; see lua/beat.lua. */
export function storeBeat(redis: Redis, keys: Keys, beat: Beat): Promise<unknown> {
  const { worker, json, ttlMs, forgetMs } = beat;
  return run(redis, 'beat', [keys.worker(worker), keys.workers], [worker, json, ttlMs, forgetMs]);
}

type Command = (keyCount: number, ...keysAndArgs: readonly (string | number)[]) => Promise<unknown>;

async function run<T>(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<T> {
  const command = commandOf(redis, `kaje:${script}`, script);
  // What a script returns, its own text says.
  return command.call(redis, keys.length, ...keys, ...args) as Promise<T>;
}

function commandOf(redis: Redis, name: string, script: Script): Command {
  if (!(name in redis)) redis.defineCommand(name, { lua: textOf(script) });
  // defineCommand has just added the method, of which the types of ioredis cannot know.
  return Reflect.get(redis, name) as Command;
}

const texts = new Map<Script, string>();

function textOf(script: Script): string {
  const known = texts.get(script);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`./lua/${script}.lua`, import.meta.url), 'utf8');
  texts.set(script, text);
  return text;
}
