/**
 * Errors that steer or end the run of a task. Tasks throw the first two; the others name what
 * happened to a run, and a task may catch or list them in `retry.on`.
 */
import { brand } from './brand.ts';
import { isError, messageOf } from './errorText.ts';
import { MAX_COUNTDOWN } from './schemas/tasks.ts';

export interface RetryRequestOptions {
  /** Seconds until the next run, at most ten years. Default: by the task's retry policy. Celery: countdown */
  readonly countdown?: number;
  /** Why: shown as the error of this attempt, and of the task when no retry is left. */
  readonly error?: unknown;
  /** Retries allowed in all, for this decision only. Default: the task's. */
  readonly maxRetries?: number;
}

/** What `ctx.retry()` throws: run this task again. Celery: Retry */
export class RetryRequest extends Error {
  readonly options: RetryRequestOptions;

  /** @throws RangeError when `countdown` is no such number */
  constructor(options: RetryRequestOptions = {}) {
    const { error, countdown = 0 } = options;
    checkPause('`countdown` of ctx.retry()', countdown, error);
    super(isError(error) ? messageOf(error) : 'The task asked to be run again');
    this.name = 'Retry';
    this.options = options;
  }
}

export interface RejectOptions {
  /** Put the task back for another worker instead of ending it. Default: false */
  readonly requeue?: boolean;
  /**
   * Seconds before it may be taken again, at most ten years: without a pause one that nobody takes
   * would spin. Default: 1
   */
  readonly delay?: number;
}

/** Thrown by a task that will not do this work: FAILURE, or back to its queue, not counted as a retry. */
export class Reject extends Error {
  readonly requeue: boolean;
  readonly delay: number;

  /** @throws RangeError when `delay` is no such number */
  constructor(
    message = 'The task was rejected',
    { requeue = false, delay = 1 }: RejectOptions = {},
  ) {
    checkPause('`delay` of Reject', delay);
    super(message);
    this.name = 'Reject';
    this.requeue = requeue;
    this.delay = delay;
  }
}

/** NaN, which is what comes of a header that is none, would make a task run again without end. */
function checkPause(option: string, seconds: unknown, cause?: unknown): void {
  if (Number.isFinite(seconds) && Number(seconds) <= MAX_COUNTDOWN) return;
  const got = typeof seconds === 'string' ? `"${seconds}"` : String(seconds);
  const expected = 'to be a number of seconds, at most ten years';
  throw new RangeError(`Expected ${option} ${expected}, got ${got}`, { cause });
}

/** `ctx.retry()` without an error of its own found no retry left. Celery: MaxRetriesExceededError */
export class MaxRetriesExceededError extends Error {
  override readonly name = 'MaxRetriesExceededError';
}

/** The run took longer than its `timeLimit` and was ended. Celery: TimeLimitExceeded */
export class TimeLimitExceeded extends Error {
  override readonly name = 'TimeLimitExceeded';

  /** @param seconds the limit */
  constructor(seconds: number) {
    super(`The task ran longer than its time limit of ${seconds} s`);
  }
}

/** The reason of `ctx.signal` once a run is longer than its `softTimeLimit`: time to clean up. */
export class SoftTimeLimitExceeded extends Error {
  override readonly name = 'SoftTimeLimitExceeded';

  /** @param seconds the limit */
  constructor(seconds: number) {
    super(`The task ran longer than its soft time limit of ${seconds} s`);
  }
}

/** The worker, thread or process that ran the task is gone. Celery: WorkerLostError */
export class WorkerLostError extends Error {
  override readonly name = 'WorkerLostError';
}

/** The task was revoked: the reason of `ctx.signal` while it runs. Celery: TaskRevokedError */
export class TaskRevokedError extends Error {
  override readonly name = 'TaskRevokedError';

  constructor(message = 'The task was revoked') {
    super(message);
  }
}

/** The task was not started by the time after which it is worth nothing (`expires`). */
export class TaskExpired extends Error {
  override readonly name = 'TaskExpired';

  constructor(message = 'The task was not started before it expired') {
    super(message);
  }
}

const CLASSES = [
  RetryRequest,
  Reject,
  MaxRetriesExceededError,
  TimeLimitExceeded,
  SoftTimeLimitExceeded,
  WorkerLostError,
  TaskRevokedError,
  TaskExpired,
];
for (const Class of CLASSES) brand(Class);
