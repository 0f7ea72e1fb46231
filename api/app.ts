/** The API without a port: `createListener(deps)` is all that a server needs. */
import type { RequestListener } from 'node:http';
import Koa, { type Context } from 'koa';
import type { Log } from '../shared/log.ts';
import type { Deps } from './handler.ts';
import { refuseCrossSite } from './middleware/crossSite.ts';
import { answerErrors } from './middleware/errors.ts';
import { logRequests } from './middleware/log.ts';
import { identifyRequests } from './middleware/requestId.ts';
import { createPlainSend } from './plainSend.ts';
import { answerFixed, createRouter } from './router.ts';

/** What answers all requests: the plain sends, and `app` everything else. */
export function createListener(deps: Deps, app = createApp(deps)): RequestListener {
  const answerPlainSend = createPlainSend(deps);
  const answer = app.callback();
  return (req, res) => {
    if (!answerPlainSend(req, res)) void answer(req, res);
  };
}

export function createApp(deps: Deps): Koa {
  const app = new Koa();
  app.on('error', (error: Error, ctx: Context) => logLate(deps.log, error, ctx));
  app.use(identifyRequests());
  app.use(logRequests(deps.log));
  app.use(answerErrors());
  app.use(refuseCrossSite());
  app.use(answerFixed(deps));
  const router = createRouter(deps);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

/** What sockets say, and streams into them, when the other side has gone or is too slow: no fault of ours. */
const LEFT =
  /^(E(CONN|HOST|NET)|EPIPE|ETIMEDOUT|HPE_|ERR_(STREAM_PREMATURE_CLOSE|HTTP_REQUEST_TIMEOUT))/;

/** What fails once all middleware is done, such as a stream that is read while it is sent. */
function logLate(log: Log, error: Error & { code?: string }, { state }: Context): void {
  if (LEFT.test(error.code ?? '')) return;
  log.error({ request_id: state.requestId, err: error }, 'answer failed');
}
