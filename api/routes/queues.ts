/** What the queues hold; paused, resumed and emptied. */
import type { Context } from 'koa';
import { KajeError } from '../../shared/errors.ts';
import { pauseQueue as pause, purgeQueue as purge } from '../../shared/operate.ts';
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

export async function pauseQueue(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = await pause(broker, ctx.params.queue, true);
}

export async function resumeQueue(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = await pause(broker, ctx.params.queue, false);
}

export async function purgeQueue(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = { purged: await purge(broker, ctx.params.queue) };
}
