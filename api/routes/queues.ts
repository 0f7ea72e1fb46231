/** What the queues hold. */
import type { Context } from 'koa';
import { KajeError } from '../../shared/errors.ts';
import type { Deps } from '../handler.ts';

export async function listQueues(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = { queues: await broker.queues() };
}

export async function getQueue(ctx: Context, { broker }: Deps): Promise<void> {
  const queues = await broker.queues();
  const queue = queues.find(({ name }) => name === ctx.params.queue);
  if (!queue) throw new KajeError('NOT_FOUND', `No queue "${ctx.params.queue}"`);
  ctx.body = queue;
}
