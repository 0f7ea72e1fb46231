import type { Middleware } from 'koa';
import { newId } from '../../shared/ids.ts';

/** Takes the caller's X-Request-Id or makes one, sends it back, and keeps it for the log. */
export function identifyRequests(): Middleware {
  return function identifyRequest(ctx, next) {
    const id = requestIdOf(ctx.get('x-request-id'));
    ctx.state.requestId = id;
    ctx.set('x-request-id', id);
    return next();
  };
}

/** The caller's, or a new one where it is none for a log. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.-]{1,128}$/.test(given) ? given : newId();
}
