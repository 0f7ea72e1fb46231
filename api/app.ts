/** The API without a port: `createApp(deps).callback()` is all that a test needs. */
import Koa from 'koa';
import type { Broker } from '../shared/broker.ts';
import type { Log } from '../shared/log.ts';
import type { Producer } from '../shared/producer.ts';
import type { Watcher } from '../shared/watcher.ts';
import { answerErrors } from './middleware/errors.ts';
import { logRequests } from './middleware/log.ts';
import { identifyRequests } from './middleware/requestId.ts';
import { createRouter } from './router.ts';

export interface Deps {
  readonly broker: Broker;
  readonly producer: Producer;
  readonly watcher: Watcher;
  readonly log: Log;
  /** Largest request body in bytes. */
  readonly maxBodyBytes: number;
  /** Aborted when the process stops: waits and streams end. */
  readonly stopping: AbortSignal;
}

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
