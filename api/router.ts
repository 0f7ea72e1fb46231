/** Every route on one screen: the contract's routes (shared/protocol.ts) and who answers them. */
import Router from '@koa/router';
import type { Middleware } from 'koa';
import { ROUTES, type Route, type RouteName } from '../shared/protocol.ts';
import type { Deps, Handler } from './handler.ts';
import { createOpenApi } from './openapi.ts';
import { withParameters } from './parameters.ts';
import { clusterEvents } from './routes/clusterEvents.ts';
import { redirectToDocs, serveDocs } from './routes/docs.ts';
import { taskEvents } from './routes/events.ts';
import { live, ready } from './routes/health.ts';
import { listTasks } from './routes/list.ts';
import { taskAttempts, taskLogs } from './routes/logs.ts';
import { getQueue, listQueues, pauseQueue, purgeQueue, resumeQueue } from './routes/queues.ts';
import { getRegistered, listRegistry, setLimits } from './routes/registry.ts';
import { revokeTask, revokeTasks } from './routes/revoke.ts';
import { sendTask, sendTasks } from './routes/send.ts';
import { forgetTask, getTask, readResults, retryTask } from './routes/tasks.ts';
import { controlWorker, getWorker, inspect, listWorkers } from './routes/workers.ts';

const HANDLERS: Readonly<Record<RouteName, Handler>> = {
  sendTask,
  sendTasks,
  getTask,
  taskEvents,
  listTasks,
  taskLogs,
  taskAttempts,
  revokeTask,
  revokeTasks,
  retryTask,
  forgetTask,
  readResults,
  listRegistry,
  getRegistered,
  setLimits,
  listQueues,
  getQueue,
  pauseQueue,
  resumeQueue,
  purgeQueue,
  listWorkers,
  getWorker,
  controlWorker,
  inspect,
  events: clusterEvents,
  live,
  ready,
};

/**
 * Answers the routes without parameters by one look into a map: the router compares a request with the
 * pattern of every route, which costs more than all else that a send needs.
 */
export function answerFixed(deps: Deps): Middleware {
  const fixed = Object.entries<Route>(ROUTES).filter(([, { path }]) => !path.includes('{'));
  const handlers = new Map(
    fixed.map(([name, route]) => [
      `${route.method.toUpperCase()} ${route.path}`,
      withParameters(route, HANDLERS[name as RouteName]),
    ]),
  );
  return function answerFixedRoute(ctx, next) {
    const handler = handlers.get(`${ctx.method} ${ctx.path}`);
    return handler ? handler(ctx, deps) : next();
  };
}

export function createRouter(deps: Deps): Router {
  const router = new Router();
  for (const [name, route] of Object.entries<Route>(ROUTES)) {
    const handler = withParameters(route, HANDLERS[name as RouteName]);
    router[route.method](koaPath(route.path), (ctx) => handler(ctx, deps));
  }
  const openApi = JSON.stringify(createOpenApi());
  router.get('/openapi.json', (ctx) => {
    ctx.type = 'application/json';
    ctx.body = openApi;
  });
  router.get('/docs', serveDocs);
  router.get('/docs/:file', serveDocs);
  router.get('/', redirectToDocs);
  return router;
}

/** OpenAPI writes `/v1/tasks/{task_id}`, the router `/v1/tasks/:task_id`. */
function koaPath(path: string): string {
  return path.replaceAll(/\{(\w+)\}/g, ':$1');
}
