/** POST /v1/send_task and /v1/send_tasks. */
import type { Context } from 'koa';
import { InvalidRequestError } from '../../shared/errors.ts';
import { SCHEMAS, type SentTasksBody } from '../../shared/schemas.ts';
import type { Sent } from '../../shared/storing.ts';
import { check } from '../../shared/validation.ts';
import type { Deps } from '../handler.ts';
import { isNdjson, readJson, readNdjson } from '../middleware/body.ts';
import { leaving, waitMsOf } from '../wait.ts';

export async function sendTask(ctx: Context, deps: Deps): Promise<void> {
  const waitMs = waitMsOf(ctx);
  const sent = await deps.producer.send(await readJson(ctx, deps.maxBodyBytes));
  const { result, replayed } = sent;
  ctx.set(sentHeaders(sent));
  // The task is stored: an outage from here on is no reason to say that it was refused.
  const left = () => leaving(ctx, deps.stopping);
  const wait = () => deps.watcher.wait(result.task_id, waitMs, left(), !replayed);
  const record = waitMs > 0 ? await wait().catch(() => null) : null;
  const latest = record?.result ?? result;
  if (waitMs > 0 && latest.ready) {
    ctx.status = 200;
  } else {
    ctx.status = 202;
    ctx.set(LOOK_LATER);
  }
  ctx.body = latest;
}

type Headers = Record<string, string>;

/** What is said of every task that was sent; plain sends say the same (plainSend.ts). */
export function sentHeaders({ id, replayed }: Sent): Headers {
  const location = `/v1/tasks/${id}`;
  return replayed ? { location, 'idempotent-replayed': 'true' } : { location };
}

/** Of one that has not ended. */
export const LOOK_LATER: Headers = { 'retry-after': '1' };

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
