import type { Middleware } from 'koa';
import { v7 as uuidv7 } from 'uuid';

/** Takes the caller's X-Request-Id or makes one, sends it back, and keeps it for the log. */
export function identifyRequests(): Middleware {
  return async function identifyRequest(ctx, next) {
    const given = ctx.get('x-request-id');
    const id = /^[\w.-]{1,128}$/.test(given) ? given : uuidv7();
    ctx.state.requestId = id;
    ctx.set('x-request-id', id);
    await next();
  };
}
