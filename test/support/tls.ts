/** Redis behind TLS, with a CA and client certificates of one's own. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { defer } from './defer.ts';
import { testRedisUrl } from './redis.ts';

const fileOf = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
export const pem = (name: string) => readFileSync(fileOf(name), 'utf8');

/** The Redis of the tests behind TLS; who comes without a certificate of the CA is turned away. */
export async function redisBehindTls(): Promise<string> {
  const { hostname, port } = new URL(testRedisUrl());
  const sockets = new Set<Socket>();
  const server = createServer(
    {
      ...{ ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') },
      requestCert: true,
    },
    (socket) => {
      const redis = connect(Number(port), hostname);
      for (const end of [socket, redis]) end.on('error', () => undefined);
      sockets.add(socket.pipe(redis).pipe(socket));
    },
  ).listen(0, '127.0.0.1');
  server.on('tlsClientError', () => undefined);
  await once(server, 'listening');
  // When all who connect again by themselves are gone: deferred before them.
  defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `rediss://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Settings. */
export const TLS_FILES = {
  redisCa: fileOf('ca.crt'),
  redisCert: fileOf('client.crt'),
  redisKey: fileOf('client.key'),
};
