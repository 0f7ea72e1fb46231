/** Server-Sent Events, read as they come. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { BrokerUnavailableError, KajeError } from '../../shared/errors.ts';

export type SentEvent = EventSourceMessage;

/** Milliseconds before a stream that was cut is opened again. */
const TRY_AGAIN_MS = 500;

/** What makes an EventSource stop coming back (HTML standard, 9.2.3). */
const ALL_IS_TOLD = 204;

/**
 * The events of a stream that is opened again whenever it is cut, until the signal says so, or the
 * API that all is told. That it cannot be had to begin with is thrown.
 */
export async function* unbrokenEvents(
  open: () => Promise<Response>,
  signal: AbortSignal | undefined,
): AsyncGenerator<EventSourceMessage, void> {
  let response: Response | undefined = await unlessAborted(open(), signal);
  while (!signal?.aborted && response?.status !== ALL_IS_TOLD) {
    yield* eventsOf(response, signal);
    await pause(TRY_AGAIN_MS, signal);
    if (!signal?.aborted) response = await unlessCut(open(), signal);
  }
}

/** The events of a stream, until it ends or is cut. */
async function* eventsOf(
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

/** Undefined for what another try may cure; what the API says of the request is thrown. */
async function unlessCut<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  return work.catch((error: unknown) => {
    const isSaid = error instanceof KajeError && !(error instanceof BrokerUnavailableError);
    if (isSaid && !signal?.aborted) throw error;
    return undefined;
  });
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

/** Ends early, but without a word, when the signal says so. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}
