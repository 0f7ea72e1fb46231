/** One task by its id, and many: read, retry, forget. */
import { createHash } from 'node:crypto';
import type { Context } from 'koa';
import { InvalidRequestError, TaskNotFoundError } from '../../shared/errors.ts';
import { SCHEMAS } from '../../shared/schemas.ts';
import { check } from '../../shared/validation.ts';
import type { Deps } from '../handler.ts';
import { readJson } from '../middleware/body.ts';
import { besideAsked } from '../path.ts';
import { leaving, waitMsOf } from '../wait.ts';

export async function getTask(ctx: Context, { watcher, stopping }: Deps): Promise<void> {
  const id = String(ctx.params.task_id);
  const record = await watcher.wait(id, waitMsOf(ctx), leaving(ctx.res, stopping));
  if (!record) throw new TaskNotFoundError(id);
  answerWithTag(ctx, JSON.stringify(record.result));
}

export async function retryTask(ctx: Context, { broker }: Deps): Promise<void> {
  const result = await broker.retry(String(ctx.params.task_id));
  ctx.status = 202;
  ctx.set('location', besideAsked(ctx, `../${encodeURIComponent(result.task_id)}`));
  ctx.body = result;
}

export async function forgetTask(ctx: Context, { broker }: Deps): Promise<void> {
  await broker.forget(String(ctx.params.task_id));
  ctx.status = 204;
}

export async function readResults(ctx: Context, { broker, maxBodyBytes }: Deps): Promise<void> {
  const body = await readJson(ctx, maxBodyBytes);
  const errors = check(SCHEMAS.ReadResults, body);
  if (errors.length > 0) throw new InvalidRequestError(errors);
  const { task_ids: ids } = body as { task_ids: string[] };
  const records = await broker.read(ids, withinAnswer());
  ctx.body = { results: records.map((record) => record?.result ?? null) };
}

const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

/** A thousand ids of large results would fill the memory of the API: it is told of each as it comes. */
function withinAnswer(): (bytes: number) => void {
  let tasks = 0;
  let total = 0;
  return (bytes) => {
    total += bytes;
    if (total > ANSWER_MAX_BYTES) throw tooMuch(tasks);
    tasks++;
  };
}

function tooMuch(fitting: number): InvalidRequestError {
  const message = `expected tasks of at most ${ANSWER_MAX_BYTES} bytes in all: ask for ${fitting} or fewer at once`;
  return new InvalidRequestError([{ path: '/task_ids', message }]);
}

/** An ETag over the whole answer: a client that polls gets 304 without a body until something changes. */
function answerWithTag(ctx: Context, json: string): void {
  ctx.status = 200;
  ctx.etag = createHash('sha1').update(json).digest('base64url');
  ctx.set('cache-control', 'no-cache');
  ctx.type = 'application/json';
  if (isKnown(ctx.get('if-none-match'), ctx.response.get('etag'))) ctx.status = 304;
  else ctx.body = json;
}

/** Not Koa's `fresh`: Node's fetch adds `Cache-Control: no-cache`, which would turn each 304 into a 200. */
function isKnown(header: string, tag: string): boolean {
  return header.split(',').some((each) => ['*', tag, `W/${tag}`].includes(each.trim()));
}
