/**
 * The plain `POST /v1/send_task`, which applications make for each task, answered past Koa: its context
 * and its layers of middleware were a third of what a send cost. What is not plain is left to Koa.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ROUTES } from '../shared/protocol.ts';
import type { Deps } from './handler.ts';
import { readJsonOf } from './middleware/body.ts';
import { PROBLEM_TYPE, problemOf } from './middleware/errors.ts';
import { logAnswer } from './middleware/log.ts';
import { requestIdOf } from './middleware/requestId.ts';
import { answerToSend } from './routes/send.ts';
import { waitMsFrom } from './wait.ts';

const { path } = ROUTES.sendTask;
const method = ROUTES.sendTask.method.toUpperCase();
const WAIT = `${path}?wait=`;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly error?: unknown;
}

/** Answers a request if it is a plain send; false where it is not, and nothing was done. */
export function createPlainSend(
  deps: Deps,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  const answer = async (
    req: IncomingMessage,
    res: ServerResponse,
    waitMs: number,
  ): Promise<void> => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req.headers['x-request-id']);
    const { status, type, text, headers, error } = await answerTo({ req, res, waitMs }, deps).catch(
      refusal,
    );
    // The client may have gone meanwhile.
    if (!res.destroyed) {
      res.writeHead(status, {
        'x-request-id': requestId,
        ...headers,
        'content-type': type,
        'content-length': Buffer.byteLength(text),
      });
      res.end(text);
    }
    logAnswer(deps.log, { requestId, method, path, status, startedAt, error });
  };
  return (req, res) => {
    const waitMs = plainWaitMs(req.url);
    if (waitMs === undefined || !isPlainSend(req, deps.maxBodyBytes)) return false;
    void answer(req, res, waitMs);
    return true;
  };
}

/** `?wait=10` and nothing else, or no query at all; what would be refused is not plain. */
function plainWaitMs(url: string | undefined): number | undefined {
  if (url === path) return 0;
  if (!url?.startsWith(WAIT)) return undefined;
  const seconds = url.slice(WAIT.length);
  return /^\d{1,9}$/.test(seconds) ? waitMsFrom(Number(seconds)) : undefined;
}

/** With the headers of most programs: no page of a browser, nothing that would be refused. */
function isPlainSend({ method: asked, headers }: IncomingMessage, maxBytes: number): boolean {
  return (
    asked === method &&
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    headers.prefer === undefined &&
    headers['sec-fetch-site'] === undefined &&
    Number(headers['content-length'] ?? 0) <= maxBytes
  );
}

interface Asked {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly waitMs: number;
}

async function answerTo({ req, res, waitMs }: Asked, deps: Deps): Promise<Answer> {
  const body = await readJsonOf(req, deps.maxBodyBytes);
  const { status, headers, result } = await answerToSend(deps, { body, waitMs, res });
  return { status, type: 'application/json; charset=utf-8', text: JSON.stringify(result), headers };
}

function refusal(error: unknown): Answer {
  const { status, retryAfter, body } = problemOf(error, path);
  const headers: Record<string, string> = {};
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  return { status, type: PROBLEM_TYPE, text: JSON.stringify(body), headers, error };
}
