/** Server-Sent Events, read as they come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { BrokerUnavailableError, KajeError } from '../../shared/errors.ts';

export type SentEvent = EventSourceMessage;

/** Milliseconds before a read or a stream is tried again after the API could not be reached. */
export const TRY_AGAIN_MS = 500;

/** Undefined for what another try may cure; what the API says of the request is thrown. */
export async function unlessCut<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    const isSaid = error instanceof KajeError && !(error instanceof BrokerUnavailableError);
    if (isSaid && !signal?.aborted) throw error;
    return undefined;
  });
}

/** Ends early, but without a word, when the signal says so. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}

/** The events of a stream, until it ends or is cut. */
export async function* eventsOf(
  response: Response | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage, void> {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const decoder = new TextDecoder();
  const reader = response?.body?.getReader();
  try {
    for (;;) {
      const read = await unlessCut(Promise.resolve(reader?.read()), signal);
      if (!read || read.done) return;
      parser.feed(decoder.decode(read.value, { stream: true }));
      yield* events.splice(0);
    }
  } finally {
    reader?.cancel().catch(() => undefined);
  }
}

/**
 * The events of a stream that has no end: opened again whenever it is cut, until the signal says
 * so. That it cannot be had to begin with is thrown.
 */
export async function* endlessEvents(
  open: () => Promise<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage, void> {
  let response: Response | undefined = await unlessAborted(open(), signal);
  while (!signal?.aborted) {
    yield* eventsOf(response, signal);
    await pause(TRY_AGAIN_MS, signal);
    if (!signal?.aborted) response = await unlessCut(open(), signal);
  }
}

async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    if (!signal?.aborted) throw error;
    return undefined;
  });
}
