import { isRetryable, retryDelayMs } from '../../shared/retry.ts';
import type { Step } from '../context.ts';
import { PermanentError } from '../outcome.ts';

/** Turns a failure into a retry where the task's policy allows one and some are left. */
export const retryFailure: Step = async function retryFailure(run, next) {
  await next();
  const { outcome, policy, ctx } = run;
  if (outcome?.kind !== 'failure' || !(ctx.retries < ctx.maxRetries)) return;
  if (run.thrown instanceof PermanentError || !isRetryable(run.thrown, policy)) return;
  run.outcome = { kind: 'retry', error: outcome.error, delayMs: retryDelayMs(ctx.retries, policy) };
};
