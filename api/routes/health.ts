/** For orchestrators: does the process answer, and may it get requests? */
import type { Context } from 'koa';
import { BrokerUnavailableError } from '../../shared/errors.ts';
import { VERSION } from '../../shared/version.ts';
import type { Deps } from '../handler.ts';

export function live(ctx: Context): void {
  ctx.body = { status: 'live', version: VERSION };
}

export async function ready(ctx: Context, { broker, stopping }: Deps): Promise<void> {
  if (stopping.aborted) throw new BrokerUnavailableError('this process is stopping');
  const [warning] = await Promise.all([broker.checkWritable(), broker.clock.read()]);
  ctx.body = {
    status: 'ready',
    version: VERSION,
    clock_ahead_ms: broker.clock.aheadMs(),
    // Ready all the same: whoever asks for results, or revokes, is served.
    ...(warning ? { warning } : {}),
  };
}
