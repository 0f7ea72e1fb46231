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
  /** Called now and then: pings, or notices that nobody is there. */
  keepAlive(): void;
  /** Stops what feeds the stream. */
  stop(): void;
}

/** Ends a stream when its client has left or the process stops; `close` ends it before. */
export function endWithClient(
  ctx: Context,
  stopping: AbortSignal,
  { stream, keepAlive, stop }: OpenStream,
): () => void {
  const ping = setInterval(keepAlive, PING_MS);
  const close = (): void => {
    clearInterval(ping);
    stop();
    stream.end();
  };
  const left = leaving(ctx, stopping);
  if (left.aborted) close();
  else left.addEventListener('abort', close);
  return close;
}
