/** The workers whose heart beats. */
import type { Context } from 'koa';
import { KajeError } from '../../shared/errors.ts';
import type { Deps } from '../handler.ts';

export async function listWorkers(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = { workers: await broker.workers() };
}

export async function getWorker(ctx: Context, { broker }: Deps): Promise<void> {
  const workers = await broker.workers();
  const worker = workers.find(({ id }) => id === ctx.params.worker_id);
  if (!worker) throw new KajeError('NOT_FOUND', `No worker "${ctx.params.worker_id}" is alive`);
  ctx.body = worker;
}
