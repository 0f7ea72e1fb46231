/** GET /v1/events: what happens to tasks and workers, as Server-Sent Events. */
import { PassThrough } from 'node:stream';
import type { Context } from 'koa';
import { type ClusterEvent, eventTypes } from '../../shared/clusterEvents.ts';
import type { Deps } from '../handler.ts';
import { endWithClient, openStream } from '../sse.ts';

/** Bytes that wait for a slow reader; what comes beyond them is dropped. */
const BUFFER_BYTES = 256 * 1024;

export async function clusterEvents(ctx: Context, { broker, stopping }: Deps): Promise<void> {
  const choice = [...eventTypes(typesOf(ctx.query.type))].sort().join();
  const stream = new PassThrough({ highWaterMark: BUFFER_BYTES });
  let dropped = 0;

  const tell = (events: readonly ClusterEvent[]): void => {
    if (stream.writableEnded || stream.destroyed) return;
    const { count, bytes } = written(events, choice);
    if (count === 0) return;
    if (stream.writableNeedDrain) dropped += count;
    else stream.write(bytes);
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

interface Written {
  readonly count: number;
  readonly bytes: Buffer;
}

/** What the followers of the same types are told of the same events. */
const WRITTEN = new WeakMap<readonly ClusterEvent[], Map<string, Written>>();

/** Once for all: for each of 1,000 followers anew it kept the loop for seconds. */
function written(events: readonly ClusterEvent[], choice: string): Written {
  const known = WRITTEN.get(events) ?? new Map<string, Written>();
  WRITTEN.set(events, known);
  const mine = known.get(choice) ?? writtenAnew(events, choice);
  known.set(choice, mine);
  return mine;
}

function writtenAnew(events: readonly ClusterEvent[], choice: string): Written {
  const types = new Set(choice.split(','));
  const mine = events.filter(({ type }) => types.has(type));
  return { count: mine.length, bytes: Buffer.from(mine.map(asText).join('')) };
}

function asText(event: ClusterEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
