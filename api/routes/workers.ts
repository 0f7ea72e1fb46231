/** The workers whose heart beats: shown, told and asked. */
import type { Context } from 'koa';
import { InvalidRequestError, KajeError } from '../../shared/errors.ts';
import { controlWorker as control, inspectWorkers } from '../../shared/operate.ts';
import type { Deps } from '../handler.ts';
import { readOptionalJson } from '../middleware/body.ts';

export async function listWorkers(ctx: Context, { broker }: Deps): Promise<void> {
  ctx.body = { workers: await broker.workers() };
}

export async function getWorker(ctx: Context, { broker }: Deps): Promise<void> {
  const workers = await broker.workers();
  const worker = workers.find(({ id }) => id === ctx.params.worker_id);
  if (!worker) throw new KajeError('NOT_FOUND', `No worker "${ctx.params.worker_id}" is alive`);
  ctx.body = worker;
}

export async function controlWorker(ctx: Context, { broker, maxBodyBytes }: Deps): Promise<void> {
  const request = await readOptionalJson(ctx, maxBodyBytes);
  ctx.body = await control(broker, ctx.params.worker_id, ctx.params.command, request);
}

export async function inspect(ctx: Context, { broker }: Deps): Promise<void> {
  const { worker, timeout } = ctx.query;
  const names = [worker ?? []].flat().flatMap((text) => text.split(','));
  const workers = names.map((name) => name.trim()).filter(Boolean);
  ctx.body = await inspectWorkers(broker, ctx.params.command, {
    timeout: secondsIn(timeout),
    ...(workers.length > 0 ? { workers } : {}),
  });
}

function secondsIn(text: string | string[] | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (typeof text === 'string' && text.trim() !== '') return Number(text);
  const message = `expected seconds, got "${text}"`;
  throw new InvalidRequestError([{ path: '/timeout', message }]);
}
