/** POST /v1/send_task and /v1/send_tasks. */
import type { ServerResponse } from 'node:http';
import type { Context } from 'koa';
import { InvalidRequestError } from '../../shared/errors.ts';
import { type AsyncResultBody, SCHEMAS, type SentTasksBody } from '../../shared/schemas.ts';
import { check } from '../../shared/validation.ts';
import type { News } from '../../shared/watcher.ts';
import type { Deps } from '../handler.ts';
import { isNdjson, readJson, readNdjson } from '../middleware/body.ts';
import { besideAsked } from '../path.ts';
import { leaving, waitMsOf } from '../wait.ts';

export async function sendTask(ctx: Context, deps: Deps): Promise<void> {
  const waitMs = waitMsOf(ctx);
  const body = await readJson(ctx, deps.maxBodyBytes);
  const { status, headers, result } = await answerToSend(deps, { body, waitMs, res: ctx.res });
  ctx.status = status;
  ctx.set({ ...headers, location: besideAsked(ctx, headers.location) });
  ctx.body = result;
}

interface Sending {
  readonly body: unknown;
  /** Milliseconds that the caller waits for the end of the task. */
  readonly waitMs: number;
  /** Once it closes, nobody waits any more. */
  readonly res: ServerResponse;
}

interface SendAnswer {
  readonly status: 200 | 202;
  readonly headers: Record<string, string> & { readonly location: string };
  readonly result: AsyncResultBody;
}

/** What is said of a task that is sent, also of plain sends (plainSend.ts). */
export async function answerToSend(deps: Deps, sending: Sending): Promise<SendAnswer> {
  const isWaiting = sending.waitMs > 0;
  const { sent, result } = isWaiting
    ? await sendAndWait(deps, sending)
    : await sendOnly(deps, sending);
  // Relative to /v1/send_task: behind a proxy nobody here knows what stands before that.
  const location = `tasks/${encodeURIComponent(sent.id)}`;
  const replay = sent.replayed ? { 'idempotent-replayed': 'true' } : undefined;
  return isWaiting && result.ready
    ? { status: 200, headers: { location, ...replay }, result }
    : { status: 202, headers: { location, 'retry-after': '1', ...replay }, result };
}

async function sendOnly({ producer }: Deps, { body }: Sending) {
  const sent = await producer.send(body);
  return { sent, result: sent.result };
}

/** Listens before the task is stored, and so need not read it before it is told of its end. */
async function sendAndWait(deps: Deps, { body, waitMs, res }: Sending) {
  const { producer, watcher, stopping } = deps;
  let news: News | undefined;
  const expect = (id: string): void => {
    news = watcher.expect(id);
  };
  try {
    const sent = await producer.send(body, { accepted: expect });
    const isNew = !sent.replayed;
    const ended = watcher.wait(sent.id, waitMs, leaving(res, stopping), isNew ? news : undefined);
    // The task is stored: an outage from here on is no reason to say that it was refused.
    const record = await ended.catch(() => null);
    return { sent, result: record?.result ?? sent.result };
  } finally {
    news?.stop();
  }
}

export async function sendTasks(ctx: Context, deps: Deps): Promise<void> {
  const sent = await deps.producer.sendMany(await readTasks(ctx, deps.maxBodyBytes));
  const body: SentTasksBody = {
    tasks: sent.map(({ id, state }) => ({ task_id: id, state })),
  };
  ctx.status = 202;
  ctx.body = body;
}

async function readTasks(ctx: Context, maxBytes: number): Promise<readonly unknown[]> {
  if (isNdjson(ctx)) return readNdjson(ctx, maxBytes);
  const body = await readJson(ctx, maxBytes);
  // Only the frame: the producer checks each task, with its place in the list.
  const errors = check(FRAME, body);
  if (errors.length > 0) throw new InvalidRequestError(errors);
  return (body as { tasks: unknown[] }).tasks;
}

const FRAME = {
  ...SCHEMAS.SendTasks,
  properties: { tasks: { ...SCHEMAS.SendTasks.properties.tasks, items: {} } },
};
