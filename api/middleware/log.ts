import type { Middleware } from 'koa';
import type { Log } from '../../shared/log.ts';
import { pathOf } from '../path.ts';

/** One line for each request: the wording of all request lines is here. */
export function logRequests(log: Log): Middleware {
  return async function logRequest(ctx, next) {
    const startedAt = performance.now();
    await next();
    const { method, status, state } = ctx;
    const path = pathOf(ctx) ?? ctx.url;
    const ms = Math.round((performance.now() - startedAt) * 10) / 10;
    const fields = { request_id: state.requestId, method, path, status, ms };
    if (state.error && status === 500) log.error({ ...fields, err: state.error }, 'request failed');
    else if (state.error && status >= 500)
      log.warn({ ...fields, reason: state.error.message }, 'request refused');
    else if (path.startsWith('/health/')) log.debug(fields, 'request');
    else log.info(fields, 'request');
  };
}
