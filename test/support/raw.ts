/** HTTP by the byte, for what no client library would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { defer } from './defer.ts';

export interface Raw {
  readonly socket: Socket;
  /** Everything that came so far. */
  received(): string;
  /** Resolves with everything that came once the server has closed the connection. */
  readonly closed: Promise<string>;
}

/** Opens a connection and writes the chunks, each in a packet of its own. */
export async function openRaw(url: string, ...chunks: (string | Uint8Array)[]): Promise<Raw> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  defer(() => socket.destroy());
  let text = '';
  socket.on('data', (data) => (text += data.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(() => text);
  closed.catch(() => undefined);
  await once(socket, 'connect');
  for (const chunk of chunks) {
    await new Promise((resolve) => socket.write(chunk, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { socket, received: () => text, closed };
}

/** The head of a POST whose connection the server closes after its answer. */
export function postHead(path: string, headers: Record<string, string | number>): string {
  const all = { host: 'test', 'content-type': 'application/json', connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `${[`POST ${path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\n`;
}

/** One chunk of a chunked body; an empty one ends it. */
export function chunk(data: string): string {
  return `${Buffer.byteLength(data).toString(16)}\r\n${data}\r\n`;
}
