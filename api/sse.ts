/** Server-Sent Events: a body that stays open and that no proxy keeps back. */
import { PassThrough } from 'node:stream';
import type { Context } from 'koa';

/** Keeps proxies from closing a stream in which nothing happens. */
export const PING_MS = 15_000;

/** Answers with a stream; what is written to it goes out at once. */
export function openStream(ctx: Context, stream = new PassThrough()): PassThrough {
  ctx.status = 200;
  ctx.type = 'text/event-stream';
  // no-transform and X-Accel-Buffering: proxies must pass each event on at once.
  ctx.set({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  ctx.body = stream;
  stream.write('retry: 1000\n\n');
  return stream;
}
