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
import { LOOK_LATER, sentHeaders } from './routes/send.ts';

const { path } = ROUTES.sendTask;
const method = ROUTES.sendTask.method.toUpperCase();

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
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const startedAt = performance.now();
    const requestId = requestIdOf(req.headers['x-request-id']);
    const { status, type, text, headers, error } = await answerTo(req, deps).catch(refusal);
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
    const isPlain = isPlainSend(req, deps.maxBodyBytes);
    if (isPlain) void answer(req, res);
    return isPlain;
  };
}

/** With the headers of most programs: no page of a browser, no wait, nothing that would be refused. */
function isPlainSend({ method: asked, url, headers }: IncomingMessage, maxBytes: number): boolean {
  return (
    url === path &&
    asked === method &&
    headers['content-type'] === 'application/json' &&
    headers['content-encoding'] === undefined &&
    headers.prefer === undefined &&
    headers['sec-fetch-site'] === undefined &&
    Number(headers['content-length'] ?? 0) <= maxBytes
  );
}

async function answerTo(req: IncomingMessage, { producer, maxBodyBytes }: Deps): Promise<Answer> {
  const sent = await producer.send(await readJsonOf(req, maxBodyBytes));
  return {
    status: 202,
    type: 'application/json; charset=utf-8',
    text: JSON.stringify(sent.result),
    headers: { ...sentHeaders(sent), ...LOOK_LATER },
  };
}

function refusal(error: unknown): Answer {
  const { status, retryAfter, body } = problemOf(error, path);
  const headers: Record<string, string> = {};
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter);
  return { status, type: PROBLEM_TYPE, text: JSON.stringify(body), headers, error };
}
