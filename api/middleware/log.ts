import type { Middleware } from 'koa';
import type { Log } from '../../shared/log.ts';
import { pathOf } from '../path.ts';

export interface AnsweredRequest {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** By performance.now(). */
  readonly startedAt: number;
  /** Why it was refused. */
  readonly error: unknown;
}

export function logRequests(log: Log): Middleware {
  return async function logRequest(ctx, next) {
    const startedAt = performance.now();
    await next();
    const { method, status, state } = ctx;
    const path = pathOf(ctx) ?? ctx.url;
    const { requestId, error } = state;
    logAnswer(log, { requestId, method, path, status, startedAt, error });
  };
}

/** One line for each request: the wording of all request lines is here. */
export function logAnswer(log: Log, request: AnsweredRequest): void {
  const { requestId, method, path, status, startedAt, error } = request;
  const ms = Math.round((performance.now() - startedAt) * 10) / 10;
  const fields = { request_id: requestId, method, path, status, ms };
  if (error && status === 500) log.error({ ...fields, err: error }, 'request failed');
  else if (error && status >= 500)
    log.warn({ ...fields, reason: reasonOf(error) }, 'request refused');
  else if (path.startsWith('/health/')) log.debug(fields, 'request');
  else log.info(fields, 'request');
}

function reasonOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
