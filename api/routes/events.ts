/** GET /v1/tasks/{id}/events: the story of a task as Server-Sent Events. */
import type { Context } from 'koa';
import { TaskNotFoundError } from '../../shared/errors.ts';
import { eventsSince, storySince, type TaskEvent } from '../../shared/events.ts';
import type { TaskRecord } from '../../shared/results.ts';
import type { Deps } from '../handler.ts';
import { endWithClient, openStream } from '../sse.ts';

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
  const readLines = (after: number) => broker.logs(id, after);

  const tell = async (seen: TaskRecord | null): Promise<void> => {
    if (!seen || stream.writableEnded) return close();
    // A slow reader gets fewer events, not a growing buffer: the next look tells how it stands then.
    if (stream.writableNeedDrain && !seen.result.ready) return;
    // What cannot be read just now, the next look tells.
    const events = await storySince(seen, lastId, readLines).catch(() => undefined);
    if (!events || stream.writableEnded) return;
    for (const event of events) {
      lastId = event.id;
      stream.write(asText(event));
    }
    if (seen.result.ready) close();
  };
  const stop = watcher.watch(id, oneAtATime(tell), { live: true });
  const close = endWithClient(ctx, stopping, { stream, stop });
}

function asText(event: TaskEvent): string {
  const data = event.type === 'log' ? event.line : event.result;
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Of what comes while one is told, the last one counts. */
function oneAtATime<T>(tell: (item: T) => Promise<void>): (item: T) => Promise<void> {
  let waiting: T[] = [];
  let isTelling = false;
  return async (item) => {
    waiting = [item];
    if (isTelling) return;
    isTelling = true;
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await tell(next);
    isTelling = false;
  };
}
