/** GET /v1/tasks/{id}/events: the story of a task as Server-Sent Events. */
import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { TaskNotFoundError } from '../../shared/errors.ts';
import { eventsSince } from '../../shared/events.ts';
import type { TaskRecord } from '../../shared/results.ts';
import type { Deps } from '../handler.ts';
import { leaving } from '../wait.ts';

/** Keeps proxies from closing a stream in which nothing happens. */
const PING_MS = 15_000;

export async function taskEvents(ctx: Context, { broker, watcher, stopping }: Deps): Promise<void> {
  const id = String(ctx.params.task_id);
  const [record] = await broker.read([id]);
  if (!record) throw new TaskNotFoundError(id);
  let lastId = ctx.get('last-event-id') || undefined;
  if (record.result.ready && eventsSince(record, lastId).length === 0) {
    // All is told. 204 is what makes an EventSource stop coming back (HTML standard, 9.2.3).
    ctx.status = 204;
    return;
  }
  const stream = openStream(ctx);

  const tell = (seen: TaskRecord | null): void => {
    if (!seen || stream.writableEnded) {
      close();
      return;
    }
    // A slow reader gets fewer events, not a growing buffer: the next look tells how it stands then.
    if (stream.writableNeedDrain && !seen.result.ready) return;
    for (const event of eventsSince(seen, lastId)) {
      lastId = event.id;
      stream.write(
        `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(event.result)}\n\n`,
      );
    }
    if (seen.result.ready) close();
  };
  const ping = setInterval(() => {
    // Nothing read since the last one, or longer: nobody is there.
    if (stream.writableNeedDrain) ctx.res.destroy();
    else stream.write(': ping\n\n');
  }, PING_MS);
  const stop = watcher.watch(id, tell, { live: true });
  const close = (): void => {
    clearInterval(ping);
    stop();
    stream.end();
  };
  const left = leaving(ctx, stopping);
  if (left.aborted) close();
  else left.addEventListener('abort', close);
}

function openStream(ctx: Context): PassThrough {
  const stream = new PassThrough();
  ctx.status = 200;
  ctx.type = 'text/event-stream';
  // no-transform and X-Accel-Buffering: proxies must pass each event on at once.
  ctx.set({ 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' });
  ctx.body = stream;
  stream.write('retry: 1000\n\n');
  return stream;
}
