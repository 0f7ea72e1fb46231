/** GET /v1/events: what happens to tasks and workers, as Server-Sent Events. */
import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { type ClusterEvent, eventTypes } from '../../shared/clusterEvents.ts';
import type { Deps } from '../handler.ts';
import { endWithClient, openStream } from '../sse.ts';

/** Bytes that wait for a slow reader; what comes beyond them is dropped. */
const BUFFER_BYTES = 256 * 1024;

export async function clusterEvents(ctx: Context, { broker, stopping }: Deps): Promise<void> {
  const types = eventTypes(typesOf(ctx.query.type));
  const stream = new PassThrough({ highWaterMark: BUFFER_BYTES });
  let dropped = 0;

  const tell = (events: readonly ClusterEvent[]): void => {
    const mine = events.filter(({ type }) => types.has(type));
    if (mine.length === 0 || stream.writableEnded || stream.destroyed) return;
    if (stream.writableNeedDrain) dropped += mine.length;
    else stream.write(mine.map(asText).join(''));
  };
  stream.on('drain', () => {
    if (dropped > 0) stream.write(`: dropped ${dropped}\n\n`);
    dropped = 0;
  });

  // Before anything is answered: in an outage that is a 503.
  const stop = await broker.listenToEvents(tell);
  openStream(ctx, stream);
  endWithClient(ctx, stopping, { stream, stop });
}

/** `?type=a,b`, or the same parameter several times. */
function typesOf(query: string | readonly string[] | undefined): string[] {
  const texts = typeof query === 'string' ? [query] : (query ?? []);
  const names = texts.flatMap((text) => text.split(','));
  return names.map((name) => name.trim()).filter(Boolean);
}

function asText(event: ClusterEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
