/** Our Lua scripts, each a typed function; those of limits are in turns.ts. */
import type { Redis } from 'ioredis';
import { type Adding, addition } from './addition.ts';
import type { FullQueue } from './broker.ts';
import type { FoundTask } from './jobHash.ts';
import { type Keys, shardOf } from './keys.ts';
import { runScript } from './lua.ts';

/** What a script that has a deadline answers. */
export interface Timed {
  /** The time of Redis, epoch milliseconds. */
  readonly nowMs: number;
  /** The deadline was over, and nothing was done. */
  readonly isLate: boolean;
}

/** Nothing was done either where a queue is full. */
export interface Added extends Timed {
  readonly full?: FullQueue;
}

/** Adds tasks to their queues unless the deadline is over or one is full, all or none; see lua/addTasks.lua. */
export async function addTasks(redis: Redis, keys: Keys, adding: Adding): Promise<Added> {
  const { names, keys: scriptKeys, args } = addition(keys, adding);
  type Answer = number | [nowMs: number, queue: number, room: number];
  const answer = await runScript<Answer>(redis, 'addTasks', scriptKeys, args);
  if (typeof answer === 'number') return { nowMs: Math.abs(answer), isLate: answer < 0 };
  const [nowMs, number, room] = answer;
  return { nowMs, isLate: false, full: { queue: names[number - 1] ?? '', room } };
}

export interface Reading {
  readonly fields: readonly string[];
  readonly ids: readonly string[];
  /** Bytes behind which the answer ends; the first task is always in it. Default: 4 MiB */
  readonly maxBytes?: number;
}

/** Bytes of one answer, or of several that are on their way together, behind which other commands wait. */
export const READ_BYTES = 4 * 1024 * 1024;

/** Reads tasks by id from the queues at `bases`, and the clock of Redis; see lua/readTasks.lua. */
export function readTasks(
  redis: Redis,
  bases: readonly string[],
  { fields, ids, maxBytes = READ_BYTES }: Reading,
): Promise<[nowMs: number, ...found: (FoundTask | null)[]]> {
  const args = [Math.floor(maxBytes), fields.length, ...fields, ...ids];
  return runScript(redis, 'readTasks', bases, args);
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
  return runScript(redis, 'revoke', bases, [id, mode, name, message]);
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
  return (await runScript<number>(redis, 'removeEnded', [base], [id, ...ending])) === 1;
}

/** Prepares a task that has ended for another life; see lua/revive.lua. */
export function reviveTask(
  redis: Redis,
  base: string,
  id: string,
): Promise<'ended' | 'waiting' | 'taken' | 'open'> {
  return runScript(redis, 'revive', [base], [id]);
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
  return (await runScript<number>(redis, 'replaceField', [key], [field, before, after])) === 1;
}

/**
 * Marks a task as lost with its worker while it runs, unless it has another mark; see lua/markLost.lua.
 * @param noted '' takes the mark away
 */
export function markLost(redis: Redis, job: string, mark: string, noted: string): Promise<unknown> {
  return runScript(redis, 'markLost', [job], [mark, noted]);
}

/** What a worker holds while its event loop is blocked. */
export interface Kept {
  readonly worker: string;
  /** First part of the tokens of its slots. */
  readonly tokens: string;
  readonly queues: readonly string[];
  readonly lockMs: number;
  /** Milliseconds after which the worker counts as dead. */
  readonly ttlMs: number;
  readonly silentMs: number;
}

/** Renews the locks of a worker and its heartbeat: how many locks; see lua/keepLocks.lua. */
export function keepLocks(redis: Redis, keys: Keys, kept: Kept): Promise<number> {
  const { worker, tokens, queues, lockMs, ttlMs, silentMs } = kept;
  const args = [worker, tokens, lockMs, ttlMs, Math.round(silentMs)];
  const bases = queues.map(keys.queueBase);
  return runScript(redis, 'keepLocks', [keys.worker(worker), keys.workers], [...args, ...bases]);
}

/** Claims uniquenesses, all or none: the task that holds each then, and since how many ms; see lua/claimUnique.lua. */
export function claimUniqueness(
  redis: Redis,
  keys: readonly string[],
  claims: readonly { id: string; ttlMs: number; instead?: string | undefined }[],
): Promise<[holder: string, heldMs: number][]> {
  const args = claims.flatMap(({ id, ttlMs, instead = '' }) => [id, Math.ceil(ttlMs), instead]);
  return runScript(redis, 'claimUnique', keys, args);
}

/** Lets go of claims that are the holder's; see lua/releaseClaims.lua. */
export function releaseClaims(
  redis: Redis,
  keys: readonly string[],
  holder: string,
): Promise<unknown> {
  return runScript(redis, 'releaseClaims', keys, [holder]);
}

/** Notes a child in the record of its parent; see lua/addChild.lua. */
export function addChild(redis: Redis, job: string, child: string): Promise<unknown> {
  return runScript(redis, 'addChild', [job], [child]);
}

/** Removes up to `max` tasks that have not started: how many it looked at, and whose ids; see lua/purge.lua. */
export function purgeSome(
  redis: Redis,
  keys: Keys,
  queue: string,
  max: number,
): Promise<[looked: number, ...removed: string[]]> {
  const base = keys.queueBase(queue);
  const states = ['wait', 'prioritized', 'delayed'].map((state) => base + state);
  const lines = [keys.reserved(''), keys.parked('')];
  return runScript(redis, 'purge', states, [base, max, ...lines]);
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
  return runScript(redis, 'listTasks', bases, [JSON.stringify(walk)]);
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
  return runScript(redis, 'appendLogs', log, [count, keep, channel, id, ...lines]);
}

/** Lines of a task's log behind number `after`; see lua/readLogs.lua. */
export function readLogs(
  redis: Redis,
  keys: Keys,
  { queue, id, after }: { readonly queue: string; readonly id: string; readonly after: number },
): Promise<[total: number, lines: string[]]> {
  return runScript(redis, 'readLogs', [keys.job(queue, id), keys.logs(queue, id)], [after]);
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
  return runScript(
    redis,
    'beat',
    [keys.worker(worker), keys.workers],
    [worker, json, ttlMs, forgetMs],
  );
}

/** What a worker publishes, so that the API can check requests without its code. */
export interface Announcement {
  readonly queues: readonly string[];
  /** Task name -> its spec, JSON. */
  readonly specs: Readonly<Record<string, string>>;
  /** Entries kept in BullMQ's stream of events. */
  readonly eventsKept: number;
  /** Seconds that results are kept. */
  readonly resultExpires: number;
}

/** Publishes what a worker serves; see lua/announce.lua. */
export function announce(redis: Redis, keys: Keys, said: Announcement): Promise<unknown> {
  const { queues, specs, eventsKept, resultExpires } = said;
  return runScript(redis, 'announce', announcedIn(keys, queues), [
    keys.registryChanges,
    eventsKept,
    resultExpires,
    queues.length,
    ...queues,
    ...Object.entries(specs).flat(),
  ]);
}

/** Whether it is all there still; see lua/isAnnounced.lua. */
export async function isAnnounced(
  redis: Redis,
  keys: Keys,
  { queues, specs }: Pick<Announcement, 'queues' | 'specs'>,
): Promise<boolean> {
  const names = [queues.length, ...queues, ...Object.keys(specs)];
  return (await runScript<number>(redis, 'isAnnounced', announcedIn(keys, queues), names)) === 1;
}

function announcedIn(keys: Keys, queues: readonly string[]): string[] {
  return [keys.queues, keys.registry, ...queues.map(keys.queueMeta)];
}

/** How long results of a queue are kept, and how many. */
export interface Retention {
  /** Seconds, where the queue's workers have not said it. */
  readonly resultExpires: number;
  /** Of that time; 1, or less while memory is short. */
  readonly share: number;
  /** Of each outcome. */
  readonly resultsMax: number;
}

/** Removes results of a queue for some milliseconds; see lua/sweep.lua. */
export async function sweepSome(
  redis: Redis,
  keys: Keys,
  queue: string,
  { resultExpires, share, resultsMax }: Retention,
): Promise<{ readonly removed: number; readonly isLeft: boolean }> {
  const args = [resultExpires, share, resultsMax];
  const answer = runScript<[number, 0 | 1]>(redis, 'sweep', [keys.queueBase(queue)], args);
  const [removed, isLeft] = await answer;
  return { removed, isLeft: isLeft === 1 };
}

/** Takes or keeps a turn for so many ms; false while somebody else has it; see lua/takeTurn.lua. */
export async function takeTurn(
  redis: Redis,
  key: string,
  me: string,
  ttlMs: number,
): Promise<boolean> {
  return (await runScript<number>(redis, 'takeTurn', [key], [me, ttlMs])) === 1;
}
