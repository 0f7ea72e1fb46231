/** Server-Sent Events: a body that stays open and that no proxy keeps back. */
import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { leaving } from './wait.ts';

/** Keeps proxies from closing a stream in which nothing happens. */
const PING_MS = 15_000;

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

export interface OpenStream {
  readonly stream: PassThrough;
  /** Stops what feeds the stream. */
  stop(): void;
}

/** Ends a stream when its client has left or the process stops; `close` ends it before. */
export function endWithClient(
  ctx: Context,
  stopping: AbortSignal,
  { stream, stop }: OpenStream,
): () => void {
  const ping = setInterval(createPing(ctx, stream), PING_MS);
  const close = (): void => {
    stay();
    clearInterval(ping);
    stop();
    stream.end();
  };
  const stay = leaving(ctx.res, stopping)(close);
  return close;
}

/** Pings a reader that keeps up, and cuts one that has taken nothing since the ping before. */
function createPing({ res }: Context, stream: PassThrough): () => void {
  let hasRead = true;
  stream.on('drain', () => {
    hasRead = true;
  });
  return () => {
    if (!stream.writableNeedDrain) stream.write(': ping\n\n');
    else if (!hasRead) res.destroy();
    // One that is not behind now has read all there was.
    hasRead = !stream.writableNeedDrain;
  };
}
