/** The tasks that may be sent: what workers have published, and who serves it now. */
import type { Context } from 'koa';
import { KajeError } from '../../shared/errors.ts';
import type { RegistryEntry, TaskLimitsRequest } from '../../shared/schemas.ts';
import type { Deps } from '../handler.ts';
import { readJson } from '../middleware/body.ts';

export async function listRegistry(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = { tasks: await broker.registry() };
}

export async function getRegistered(ctx: Context, { broker }: Deps): Promise<void> {
  const tasks: readonly RegistryEntry[] = await broker.registry();
  const task = tasks.find(({ name }) => name === ctx.params.name);
  if (!task)
    throw new KajeError('NOT_FOUND', `No worker has published a task "${ctx.params.name}"`);
  ctx.body = task;
}

export async function setLimits(ctx: Context, { broker, maxBodyBytes }: Deps): Promise<void> {
  const body = await readJson(ctx, maxBodyBytes);
  // The broker checks that it is one, for clients over Redis as well.
  ctx.body = await broker.setLimits(String(ctx.params.name), body as TaskLimitsRequest);
}
