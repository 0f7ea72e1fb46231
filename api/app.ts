/** The API without a port: `createApp(deps).callback()` is all that a test needs. */
import Koa from 'koa';
import type { Deps } from './handler.ts';
import { answerErrors } from './middleware/errors.ts';
import { logRequests } from './middleware/log.ts';
import { identifyRequests } from './middleware/requestId.ts';
import { createRouter } from './router.ts';

export function createApp(deps: Deps): Koa {
  const app = new Koa();
  // Koa prints every client that leaves early; what matters is logged by logRequests.
  app.silent = true;
  app.use(identifyRequests());
  app.use(logRequests(deps.log));
  app.use(answerErrors());
  const router = createRouter(deps);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}
