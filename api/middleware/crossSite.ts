import type { Middleware } from 'koa';
import { KajeError } from '../../shared/errors.ts';

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses what a page of another site sends from somebody's browser. Without a body it comes without
 * a question before (CORS), so any page could purge a queue of an API on the visitor's own machine.
 */
export function refuseCrossSite(): Middleware {
  return function refuseForeignPage(ctx, next) {
    // Browsers alone send this header, and no page can change it.
    const isForeign = ctx.get('sec-fetch-site') === 'cross-site';
    if (isForeign && !SAFE_METHODS.includes(ctx.method)) {
      ctx.req.resume();
      const hint = 'send it from a page of the same site, or from a program';
      throw new KajeError('CROSS_SITE', `Pages of other sites may only read: ${hint}`);
    }
    return next();
  };
}
