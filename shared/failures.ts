/** How a record says that its task failed, and why. */
import { isoTime, type JobHash, type Place, parseJson } from './jobHash.ts';
import type { TaskErrorBody } from './schemas.ts';

/** Classes of errors that say REVOKED, not FAILURE. */
const REVOKING_ERRORS = new Set(['TaskRevokedError', 'TaskExpired']);

/** BullMQ's own words for a task whose worker died more often than maxStalledCount. */
const STALLED = 'job stalled more than allowable limit';
const LOST_WORDS = 'The worker that ran this task was lost, three times over';
const LOST: TaskErrorBody = {
  type: 'WorkerLostError',
  message: LOST_WORDS,
  traceback: `WorkerLostError: ${LOST_WORDS}`,
};

/** Whether it has cost its last worker: the times in its hash are then those of its filing, not of a run. */
export function isStalled({ failedReason }: Pick<JobHash, 'failedReason'>): boolean {
  return failedReason === STALLED;
}

/** The class that BullMQ throws where it fails a job by its mark. */
const FILED_BY_BULLMQ = 'UnrecoverableError';

/** A failure that was decided while the task waited, or before its worker was lost: `Class: message`. */
const DEFERRED = /^(TaskRevokedError|TaskExpired|WorkerLostError): (.*)$/s;

export interface DeferredFailure {
  readonly error: TaskErrorBody;
  /**
   * A revocation is the end when it is marked. A loss is it once a worker has filed it: the lost worker may have
   * been frozen and come back, and a record that says FAILURE must not change any more.
   */
  readonly hasEnded: boolean;
  /** How often it was started, without the start at which a worker only files it. */
  readonly starts: number;
  readonly times: {
    readonly worker: null;
    readonly started_at: string | null;
    readonly date_done: string | null;
    readonly runtime: null;
  };
}

/** What is stored beside a mark (`deferred`), in this order, joined by commas. */
interface Mark {
  /** The start during which it was set, which itself goes on; empty where none ran. */
  readonly start: string;
  readonly atMs: string;
  /** When the last start was. */
  readonly beganMs: string;
  readonly starts: string;
  /** Of a revocation: BullMQ may write over those of `defa` when the worker is lost as well. */
  readonly words: string;
}

/**
 * How a task ends that no worker will run any more (BullMQ's `defa`), though one has yet to take it
 * out of its queue.
 */
export function deferredFailureOf(place: Place, hash: JobHash): DeferredFailure | undefined {
  const mark = markOf(hash.deferred);
  // Whoever takes it out of the queue removes the mark, and writes its words as the reason.
  const text = mark.words || (hash.defa ?? (hash.deferred !== null ? hash.failedReason : null));
  if (text === null) return undefined;
  if ((place === 'active' || place === 'finished') && mark.start === hash.ats) return undefined;
  const error = deferredError(text);
  if (!error) return undefined;
  const isRevoked = stateOfError(error) === 'REVOKED';
  // A revoked task has ended when it was revoked, not when a worker found it; one that may run
  // once only is marked when it starts.
  const [started, done] = isRevoked
    ? [mark.beganMs, mark.atMs]
    : [mark.atMs || hash.processedOn, hash.finishedOn];
  return {
    error,
    hasEnded: isRevoked || place === 'finished',
    starts: Number(mark.starts || mark.start || hash.ats),
    times: { worker: null, started_at: isoTime(started), date_done: isoTime(done), runtime: null },
  };
}

export function markOf(deferred: string | null): Mark {
  const [start = '', atMs = '', beganMs = '', starts = '', ...words] = deferred?.split(',') ?? [];
  return { start, atMs, beganMs, starts, words: words.join(',') };
}

export function stateOfError({ type }: TaskErrorBody): 'REVOKED' | 'FAILURE' {
  return REVOKING_ERRORS.has(type) ? 'REVOKED' : 'FAILURE';
}

/** The error of the last run. */
export function lastError(hash: JobHash): TaskErrorBody {
  const message = hash.failedReason ?? '';
  return errorOf(tracebacksOf(hash).at(-1) ?? '', message);
}

/** Of each run that failed, as far back as they are kept. */
export function tracebacksOf(hash: Pick<JobHash, 'stacktrace'>): string[] {
  const list = parseJson(hash.stacktrace);
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

/** Workers store tracebacks that begin `Type: message`, so the class needs no field of its own. */
export function errorOf(traceback: string, message: string): TaskErrorBody {
  const type = /^[\w$.]+/.exec(traceback)?.[0] ?? 'Error';
  const ofRun = { type, message, traceback };
  return isOfRun(ofRun) ? ofRun : (deferredError(message) ?? ofRun);
}

/** A task may throw words that a mark has, such as the message of another task's error. */
function isOfRun({ type, message, traceback }: TaskErrorBody): boolean {
  if (type === FILED_BY_BULLMQ || message === STALLED) return false;
  return traceback.startsWith(`${type}: ${message}`);
}

/** The error behind the words of a failure that no run has told. */
export function deferredError(text: string): TaskErrorBody | undefined {
  if (text === STALLED) return LOST;
  const [, type, message] = DEFERRED.exec(text) ?? [];
  return type && message ? { type, message, traceback: `${type}: ${message}` } : undefined;
}
