/** Keeps tasks from running, or stops them: one by its id, many by ids, tag or header. */
import type { Context } from 'koa';
import { InvalidRequestError } from '../../shared/errors.ts';
import { type RevokeTasksRequest, SCHEMAS } from '../../shared/schemas.ts';
import { check } from '../../shared/validation.ts';
import type { Deps } from '../handler.ts';
import { readJson, readOptionalJson } from '../middleware/body.ts';

export async function revokeTask(ctx: Context, { broker, maxBodyBytes }: Deps): Promise<void> {
  const body = await readOptionalJson(ctx, maxBodyBytes);
  const errors = check(SCHEMAS.RevokeTask, body);
  if (errors.length > 0) throw new InvalidRequestError(errors);
  const { terminate = false } = body as { terminate?: boolean };
  ctx.body = await broker.revoke(String(ctx.params.task_id), terminate);
}

export async function revokeTasks(ctx: Context, { broker, maxBodyBytes }: Deps): Promise<void> {
  const body = await readJson(ctx, maxBodyBytes);
  // The broker checks that it is one, for clients over Redis as well.
  ctx.body = await broker.revokeMany(body as RevokeTasksRequest);
}
