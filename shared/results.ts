/** A task's record in Redis, read as the AsyncResult that users see. */
import {
  type DeferredFailure,
  deferredFailureOf,
  isStalled,
  lastError,
  stateOfError,
} from './failures.ts';
import {
  type FoundTask,
  isoTime,
  type JobHash,
  jobHashOf,
  type Place,
  parseJson,
} from './jobHash.ts';
import { bodyOf, DEFAULT_PRIORITY, type TaskMessage } from './message.ts';
import type { AsyncResultBody } from './schemas.ts';
import { isFinal, type TaskState } from './states.ts';

/** A record, and what tells its runs apart: how often it was started. */
export interface TaskRecord {
  readonly result: AsyncResultBody;
  readonly starts: number;
  /** Number of this run's progress reports, to order them. */
  readonly reports: number;
  /** Lines that its runs have written by ctx.log. */
  readonly logs: number;
  readonly fingerprint: string | null;
  /** It has not started by the time after which it is worth nothing: whoever reads it must revoke it. */
  readonly isOverdue: boolean;
}

/** What a worker stores as the job's progress. `start` names the run: a later one must not show it. */
export interface StoredProgress {
  readonly state: string;
  readonly meta: unknown;
  readonly start: number;
  readonly report: number;
}

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
  const [, foundAt, dueMs, values, keptS] = found;
  const hash = jobHashOf(values);
  const body = bodyOf(parseJson(hash.data));
  const { place, marked, deferred } = placeOf(foundAt, hash);
  const { result_expires: ownS = keptS } = body;
  if (hasExpired(doneOf(hash, deferred), ownS, nowMs)) return null;
  const progress = progressOf(place, hash);
  const state = deferred ? stateOfError(deferred.error) : stateOf(place, hash, progress);
  const message = { id, queue, name: hash.name ?? '', sentAt: Number(hash.timestamp), body };
  return {
    starts: marked?.starts ?? Number(hash.ats ?? 0),
    reports: progress?.report ?? 0,
    logs: Number(hash.logs ?? 0),
    fingerprint: body.fingerprint ?? null,
    isOverdue: isWaiting(place) && !marked && isPast(body.expires, nowMs),
    result: {
      ...pendingResult(message),
      ...outcomeOf(state, hash, deferred),
      progress: progress?.meta ?? null,
      retries: retriesOf(place, hash),
      eta: isoTime(dueMs && !isFinal(state) ? dueMs : body.eta),
      children: hash.children?.split(',') ?? [],
      ...(deferred?.times ?? timesOf(place, hash)),
    },
  };
}

/** Where it is told to be, and how it has ended without a run: one that was lost waits until it is filed. */
function placeOf(foundAt: Place, hash: JobHash) {
  const marked = deferredFailureOf(foundAt, hash);
  if (marked?.hasEnded !== false) return { place: foundAt, marked, deferred: marked };
  // Also while a worker holds it to file it.
  return { place: 'waiting' as const, marked, deferred: undefined };
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
    priority: body.priority ?? DEFAULT_PRIORITY,
    retries: 0,
    max_retries: body.max_retries ?? 0,
    worker: null,
    sent_at: new Date(sentAt).toISOString(),
    eta: isoTime(body.eta),
    expires: isoTime(body.expires),
    started_at: null,
    parent_id: body.parent_id ?? null,
    root_id: body.root_id ?? id,
    group_id: null,
    children: [],
    headers: body.headers ?? {},
    tags: body.tags ?? [],
  };
}

/** BullMQ's priorities: 0 is none, then 1 is the most urgent. Tasks of priority 5 use none. */
export function storedPriority(priority: number | undefined): number {
  return priority === undefined || priority === DEFAULT_PRIORITY ? 0 : 10 - priority;
}

function isWaiting(place: Place): boolean {
  return place === 'waiting' || place === 'delayed';
}

function isPast(timeMs: number | undefined, nowMs: number): boolean {
  return timeMs !== undefined && timeMs <= nowMs;
}

/** The run that was the end is no retry. */
function retriesOf(place: Place, hash: JobHash): number {
  return Math.max(0, Number(hash.atm ?? 0) - (place === 'finished' ? 1 : 0));
}

function doneOf(hash: JobHash, deferred: DeferredFailure | undefined): string | null {
  return deferred?.times.date_done ?? isoTime(hash.finishedOn);
}

/** @param lifeS seconds; '' where nobody has said how many */
function hasExpired(done: string | null, lifeS: number | string, nowMs: number): boolean {
  return done !== null && lifeS !== '' && Date.parse(done) + Number(lifeS) * 1000 <= nowMs;
}

/** What this run has told; of a run before it, nothing. */
function progressOf(place: Place, hash: JobHash): StoredProgress | undefined {
  const stored = place === 'active' ? parseJson(hash.progress) : null;
  // Plain numbers and objects are what other BullMQ programs store.
  if (typeof stored !== 'object' || stored === null || !('start' in stored)) return undefined;
  const progress = stored as StoredProgress;
  return progress.start === Number(hash.ats ?? 0) ? progress : undefined;
}

function stateOf(place: Place, hash: JobHash, progress: StoredProgress | undefined): TaskState {
  switch (place) {
    case 'active':
      return progress?.state ?? 'STARTED';
    case 'delayed':
    case 'waiting':
      return Number(hash.atm ?? 0) > 0 ? 'RETRY' : 'PENDING';
    case 'finished':
      if (hash.returnvalue !== null) return 'SUCCESS';
      return stateOfError(lastError(hash));
  }
}

function outcomeOf(state: TaskState, hash: JobHash, deferred: DeferredFailure | undefined) {
  const hasError = state === 'FAILURE' || state === 'REVOKED' || state === 'RETRY';
  return {
    state,
    ready: isFinal(state),
    successful: state === 'SUCCESS',
    failed: state === 'FAILURE',
    result: state === 'SUCCESS' ? parseJson(hash.returnvalue) : null,
    error: hasError ? (deferred?.error ?? lastError(hash)) : null,
  };
}

/** When it ran, and who ran it. */
function timesOf(place: Place, hash: JobHash) {
  const hasStarted = place === 'active' || place === 'finished';
  const started = hasStarted && !isStalled(hash) ? hash.processedOn : null;
  const done = hash.finishedOn;
  return {
    worker: isWaiting(place) ? null : hash.pb,
    started_at: isoTime(started),
    date_done: isoTime(done),
    runtime: started !== null && done !== null ? (Number(done) - Number(started)) / 1000 : null,
  };
}
