import { DEFAULT_RETRY, isRetryable, retryDelayMs } from '../../shared/retry.ts';
import {
  MaxRetriesExceededError,
  Reject,
  RetryRequest,
  TimeLimitExceeded,
  WorkerLostError,
} from '../../shared/taskErrors.ts';
import type { Run, Step } from '../context.ts';
import { describeError, type Outcome, PermanentError } from '../outcome.ts';

/** Turns a failure into a retry where the task asks for one, or its policy allows one. */
export const retryFailure: Step = async function retryFailure(run, next) {
  await next();
  if (run.outcome?.kind !== 'failure') return;
  run.outcome = afterFailure(run) ?? run.outcome;
};

function afterFailure(run: Run): Outcome | undefined {
  const { thrown } = run;
  if (thrown instanceof Reject) return rejected(thrown);
  if (thrown instanceof RetryRequest) return requested(run, thrown);
  return isCurable(run) ? retry(run) : undefined;
}

function rejected({ requeue, delay }: Reject): Outcome | undefined {
  return requeue ? { kind: 'later', delayMs: atLeast1(delay), why: 'rejected' } : undefined;
}

function requested(run: Run, { options }: RetryRequest): Outcome {
  const { countdown, error, maxRetries = maxRetriesOf(run) } = options;
  if (run.ctx.retries < maxRetries) return retry(run, error ?? run.thrown, countdown);
  const exceeded = new MaxRetriesExceededError(
    `The task asked to be run again after ${run.ctx.retries} of at most ${maxRetries} retries`,
  );
  return { kind: 'failure', error: describeError(error ?? exceeded) };
}

/** A task that asks for a retry wants one, though neither it nor its call says how many: as in Celery. */
function maxRetriesOf({ task, message, ctx }: Run): number {
  const isSaid = task.options.retry !== undefined || message.body.max_retries !== undefined;
  return isSaid ? ctx.maxRetries : DEFAULT_RETRY.max;
}

/** @param countdown seconds. Default: by the policy */
function retry(run: Run, error?: unknown, countdown?: number): Outcome {
  const { policy, ctx, outcome } = run;
  const described = outcome?.kind === 'failure' && error === undefined ? outcome.error : undefined;
  return {
    kind: 'retry',
    error: described ?? describeError(error),
    delayMs: countdown === undefined ? retryDelayMs(ctx.retries, policy) : atLeast1(countdown),
  };
}

function atLeast1(seconds: number): number {
  return Math.max(1, Math.round(seconds * 1000));
}

function isCurable({ thrown, policy, ctx }: Run): boolean {
  if (!(ctx.retries < ctx.maxRetries) || thrown instanceof PermanentError) return false;
  // What was ended by force would be so again: only where the task says that it may be tried again.
  const wasEnded = thrown instanceof TimeLimitExceeded || thrown instanceof WorkerLostError;
  return (!wasEnded || policy.on.length > 0) && isRetryable(thrown, policy);
}
