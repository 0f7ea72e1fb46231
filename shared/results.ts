/** A task's record in Redis, read as the AsyncResult that users see. */
import { bodyOf, type MessageBody, type TaskMessage } from './message.ts';
import type { AsyncResultBody, TaskErrorBody } from './protocol.ts';
import { isFinal, type TaskState } from './states.ts';

/** Where a task is found. */
export type Place = 'finished' | 'active' | 'delayed' | 'waiting';

/** One task as readTasks.lua returns it. */
export type FoundTask = readonly [
  queueIndex: number,
  place: Place,
  dueMs: string,
  values: readonly (string | null)[],
];

/** Fields of BullMQ's job hash that make up a record, in the order in which they are asked for. */
export const FIELDS = [
  'name',
  'data',
  'timestamp',
  'processedOn',
  'finishedOn',
  'ats',
  'atm',
  'progress',
  'pb',
  'returnvalue',
  'failedReason',
  'stacktrace',
] as const;

type Field = (typeof FIELDS)[number];
type Hash = Readonly<Record<Field, string | null>>;

/** A record, and what tells its runs apart: how often it was started. */
export interface TaskRecord {
  readonly result: AsyncResultBody;
  readonly starts: number;
  /** Number of this run's progress reports, to order them. */
  readonly reports: number;
  readonly fingerprint: string | null;
}

/** What a worker stores as the job's progress. `start` names the run: a later one must not show it. */
export interface StoredProgress {
  readonly state: string;
  readonly meta: unknown;
  readonly start: number;
  readonly report: number;
}

/** First words of a traceback that say REVOKED, not FAILURE. */
const REVOKING_ERRORS = new Set(['TaskRevokedError', 'TaskExpired']);

/** BullMQ's own words for a task whose worker died more often than maxStalledCount. */
const STALLED = 'job stalled more than allowable limit';

/**
 * The record of a task; null when its result has expired but was not swept yet.
 * @param nowMs epoch milliseconds
 */
export function recordOf(
  id: string,
  queue: string,
  found: FoundTask,
  nowMs: number,
): TaskRecord | null {
  const [, place, dueMs, values] = found;
  const hash = Object.fromEntries(FIELDS.map((field, i) => [field, values[i] ?? null])) as Hash;
  const body = bodyOf(parse(hash.data));
  if (hasExpired(hash, body, nowMs)) return null;
  const starts = Number(hash.ats ?? 0);
  const progress = place === 'active' ? progressOf(hash, starts) : undefined;
  const state = stateOf(place, hash, progress);
  const error = errorOf(state, hash);
  const isDone = isFinal(state);
  return {
    starts,
    reports: progress?.report ?? 0,
    fingerprint: body.fingerprint ?? null,
    result: {
      ...pendingResult({ id, queue, name: hash.name ?? '', sentAt: Number(hash.timestamp), body }),
      state,
      ready: isDone,
      successful: state === 'SUCCESS',
      failed: state === 'FAILURE',
      result: state === 'SUCCESS' ? parse(hash.returnvalue) : null,
      error,
      progress: progress?.meta ?? null,
      retries: Math.max(0, Number(hash.atm ?? 0) - (isDone ? 1 : 0)),
      worker: place === 'waiting' || place === 'delayed' ? null : hash.pb,
      eta: place === 'delayed' ? isoTime(dueMs) : isoTime(body.eta),
      ...timesOf(place, hash),
    },
  };
}

/** What is so of every task before its end. */
export const NOT_ENDED = {
  ready: false,
  successful: false,
  failed: false,
  result: null,
  error: null,
  progress: null,
  date_done: null,
  runtime: null,
} as const;

/** The record of a task that nothing has happened to yet: also what is told of one just stored. */
export function pendingResult(message: TaskMessage): AsyncResultBody {
  const { id, queue, name, sentAt, body } = message;
  return {
    task_id: id,
    name,
    state: 'PENDING',
    ...NOT_ENDED,
    args: body.args ?? [],
    kwargs: body.kwargs ?? {},
    queue,
    priority: 5,
    retries: 0,
    max_retries: body.max_retries ?? 0,
    worker: null,
    sent_at: new Date(sentAt).toISOString(),
    eta: isoTime(body.eta),
    expires: null,
    started_at: null,
    parent_id: body.parent_id ?? null,
    root_id: body.root_id ?? id,
    group_id: null,
    children: [],
    headers: body.headers ?? {},
    tags: body.tags ?? [],
  };
}

function hasExpired(hash: Hash, body: MessageBody, nowMs: number): boolean {
  if (hash.finishedOn === null || body.result_expires === undefined) return false;
  return Number(hash.finishedOn) + body.result_expires * 1000 <= nowMs;
}

function progressOf(hash: Hash, starts: number): StoredProgress | undefined {
  const stored = parse(hash.progress);
  // Plain numbers and objects are what other BullMQ programs store.
  if (typeof stored !== 'object' || stored === null || !('start' in stored)) return undefined;
  const progress = stored as StoredProgress;
  return progress.start === starts ? progress : undefined;
}

function stateOf(place: Place, hash: Hash, progress: StoredProgress | undefined): TaskState {
  switch (place) {
    case 'active':
      return progress?.state ?? 'STARTED';
    case 'delayed':
    case 'waiting':
      return Number(hash.atm ?? 0) > 0 ? 'RETRY' : 'PENDING';
    case 'finished':
      if (hash.returnvalue !== null) return 'SUCCESS';
      return REVOKING_ERRORS.has(lastError(hash).type) ? 'REVOKED' : 'FAILURE';
  }
}

function errorOf(state: TaskState, hash: Hash): TaskErrorBody | null {
  return state === 'FAILURE' || state === 'REVOKED' || state === 'RETRY' ? lastError(hash) : null;
}

/** Workers store tracebacks that begin `Type: message`, so the class needs no field of its own. */
function lastError(hash: Hash): TaskErrorBody {
  const message = hash.failedReason ?? '';
  const tracebacks = parse(hash.stacktrace);
  const last: unknown = Array.isArray(tracebacks) ? tracebacks.at(-1) : undefined;
  const traceback = typeof last === 'string' ? last : '';
  if (message === STALLED) {
    return {
      type: 'WorkerLostError',
      message: 'The worker that ran this task was lost, three times over',
      traceback: '',
    };
  }
  return { type: /^[\w$.]+/.exec(traceback)?.[0] ?? 'Error', message, traceback };
}

function timesOf(place: Place, hash: Hash) {
  const hasStarted = place === 'active' || place === 'finished';
  const started = hasStarted ? hash.processedOn : null;
  const done = hash.finishedOn;
  return {
    started_at: isoTime(started),
    date_done: isoTime(done),
    runtime: started !== null && done !== null ? (Number(done) - Number(started)) / 1000 : null,
  };
}

function isoTime(ms: string | number | null | undefined): string | null {
  if (ms === null || ms === undefined || ms === '') return null;
  const date = new Date(Number(ms));
  // The data of other producers may hold anything; one such task must not spoil a read of many.
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function parse(json: string | null): unknown {
  if (json === null) return null;
  try {
    return JSON.parse(json);
  } catch {
    // Written by another program; shown as the text that it is.
    return json;
  }
}
