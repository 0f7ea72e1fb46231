/** The only place where an error becomes a status. Problems are RFC 9457's. */
import { Stream } from 'node:stream';
import type { Context, Middleware } from 'koa';
import { InexactNumberError, InvalidRequestError, KajeError } from '../../shared/errors.ts';
import type { ProblemBody } from '../../shared/schemas.ts';
import { pathOf } from '../path.ts';

interface Answer {
  readonly status: number;
  readonly title: string;
  /** Seconds after which another try may succeed. */
  readonly retryAfter?: number;
}

/** code of a KajeError -> answer */
const ANSWERS: Readonly<Record<string, Answer>> = {
  MALFORMED_BODY: { status: 400, title: 'The body cannot be read' },
  INEXACT_NUMBER: { status: 400, title: 'A number cannot be held' },
  MALFORMED_URL: { status: 400, title: 'The URL cannot be read' },
  CROSS_SITE: { status: 403, title: 'Not from another site' },
  TASK_NOT_FOUND: { status: 404, title: 'No such task' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  TASK_CONFLICT: { status: 409, title: 'Another request has this task_id' },
  WRONG_STATE: { status: 409, title: 'The state of the task does not allow this' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  INVALID_REQUEST: { status: 422, title: 'The request is not valid' },
  QUEUE_FULL: { status: 429, title: 'The queue is full', retryAfter: 1 },
  COMMAND_REFUSED: { status: 409, title: 'The worker refused the command' },
  WORKER_SILENT: { status: 504, title: 'The worker did not answer in time' },
  BROKER_UNAVAILABLE: { status: 503, title: 'The broker is unavailable', retryAfter: 1 },
};

/** Whatever else is thrown is a fault of ours; its message may hold secrets and stays in the log. */
const INTERNAL: Answer = { status: 500, title: 'Internal error' };

export function answerErrors(): Middleware {
  return async function answerError(ctx, next) {
    try {
      refuseUnreadable(ctx);
      await next();
      refuseUnanswered(ctx);
      writeBody(ctx);
    } catch (error) {
      answer(ctx, error);
    }
  };
}

function refuseUnreadable(ctx: Context): void {
  if (pathOf(ctx) !== undefined) return;
  throw new KajeError('MALFORMED_URL', `Expected the path of a route or a URL, got "${ctx.url}"`);
}

/** What the router leaves behind where no handler has answered: a bare status. */
function refuseUnanswered({ status, body, method, path, response }: Context): void {
  if (body) return;
  if (status === 404) throw new KajeError('NOT_FOUND', `No route ${method} ${path}; see /docs`);
  if (status !== 405 && status !== 501) return;
  const allowed = response.get('allow');
  throw new KajeError('METHOD_NOT_ALLOWED', `${path} takes ${allowed}, not ${method}`);
}

/** Not left to Koa, which writes when all this is over: what cannot be written is a fault like any other. */
function writeBody(ctx: Context): void {
  const { body } = ctx;
  if (typeof body === 'object' && body !== null && !(body instanceof Stream)) {
    ctx.body = JSON.stringify(body);
  }
}

function answer(ctx: Context, error: unknown): void {
  const { status, retryAfter, body } = problemOf(error, pathOf(ctx) ?? ctx.url);
  ctx.state.error = error;
  ctx.status = status;
  ctx.body = JSON.stringify(body);
  ctx.type = PROBLEM_TYPE;
  if (retryAfter !== undefined) ctx.set('retry-after', String(retryAfter));
}

export const PROBLEM_TYPE = 'application/problem+json';

export interface Problem {
  readonly status: number;
  /** Seconds after which another try may succeed. */
  readonly retryAfter: number | undefined;
  readonly body: ProblemBody;
}

/** What a client is told of an error; `path` is what it asked for. */
export function problemOf(error: unknown, path: string): Problem {
  const known = error instanceof KajeError ? ANSWERS[error.code] : undefined;
  const { status, title, retryAfter } = known ?? INTERNAL;
  const body = {
    type: `urn:kaje:problem:${known && error instanceof KajeError ? error.code.toLowerCase() : 'internal'}`,
    title,
    status,
    detail:
      known && error instanceof Error
        ? error.message
        : 'The log of the API has the reason, under this request id',
    instance: path,
    ...(hasFields(error) ? { errors: error.errors } : {}),
  };
  return { status, retryAfter, body };
}

function hasFields(error: unknown): error is InvalidRequestError | InexactNumberError {
  return error instanceof InvalidRequestError || error instanceof InexactNumberError;
}
