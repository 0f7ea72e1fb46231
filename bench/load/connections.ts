/** Keep-alive connections to one server; a request takes the time that it must, and not much more. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type HttpResponse, responseParser } from './responses.ts';

/** Sends prepared bytes on a connection that is free, opening one where there is none. */
export function createConnections(url: URL) {
  const free: Connection[] = [];
  return async (request: Buffer): Promise<HttpResponse> => {
    const connection = free.pop() ?? (await openConnection(url));
    const response = await connection(request);
    free.push(connection);
    return response;
  };
}

type Connection = (request: Buffer) => Promise<HttpResponse>;

async function openConnection({ hostname, port }: URL): Promise<Connection> {
  const socket = connect(Number(port), hostname);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return connectionOn(socket);
}

function connectionOn(socket: Socket): Connection {
  let answered: (response: HttpResponse) => void = () => undefined;
  let failed: (error: Error) => void = () => undefined;
  const parse = responseParser((response) => answered(response));
  socket.on('data', parse);
  socket.on('error', (error) => failed(error));
  socket.on('close', () => failed(new Error('The server closed the connection')));
  return (request) =>
    new Promise((resolve, reject) => {
      [answered, failed] = [resolve, reject];
      socket.write(request);
    });
}

/** The bytes of a POST. */
export function postOf({ host }: URL, path: string, body: string): Buffer {
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
