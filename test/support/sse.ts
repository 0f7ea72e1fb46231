/** Reads Server-Sent Events as they come, raw and parsed. */
import { defer } from './defer.ts';

export interface SseEvent {
  readonly id: string;
  readonly event: string;
  // any: tests look into it.
  readonly data: any;
}

export interface Sse {
  readonly response: Response;
  raw(): string;
  events(): SseEvent[];
  /** Resolves with all events when the server has ended the stream. */
  readonly ended: Promise<SseEvent[]>;
  leave(): void;
}

export async function openSse(url: string, headers: Record<string, string> = {}): Promise<Sse> {
  const abort = new AbortController();
  defer(() => abort.abort());
  const response = await fetch(url, { headers, signal: abort.signal });
  let raw = '';
  const events = () => raw.split('\n\n').slice(0, -1).flatMap(parsed);
  const ended = readAll(response, (text) => (raw += text)).then(events);
  ended.catch(() => undefined);
  return { response, raw: () => raw, events, ended, leave: () => abort.abort() };
}

async function readAll(response: Response, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) take(decoder.decode(bytes, { stream: true }));
}

function parsed(block: string): SseEvent[] {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]),
  );
  return fields.data ? [{ id: fields.id, event: fields.event, data: JSON.parse(fields.data) }] : [];
}
