import type { Middleware } from 'koa';
import { newId } from '../../shared/ids.ts';

/** Takes the caller's X-Request-Id or makes one, sends it back, and keeps it for the log. */
export function identifyRequests(): Middleware {
  return function identifyRequest(ctx, next) {
    const given = ctx.get('x-request-id');
    const id = given !== '' && /^[\w.-]{1,128}$/.test(given) ? given : newId();
    ctx.state.requestId = id;
    ctx.set('x-request-id', id);
    return next();
  };
}
