/** Health checks of a worker over HTTP on a small port of its own, for containers. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Log } from '../../shared/log.ts';
import type { Service } from '../every.ts';

export interface HealthOptions {
  readonly host: string;
  /** 0 = off. */
  readonly port: number;
  readonly log: Log;
  /** Why the worker cannot take tasks now; undefined when it can. */
  unreadiness(): string | undefined;
}

export function createHealth({ host, port, log, unreadiness }: HealthOptions): Service {
  const server = createServer((request, response) => {
    const answer = (status: number, text: string) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(`${JSON.stringify({ status: text })}\n`);
    };
    if (request.url === '/health/live') return answer(200, 'live');
    if (request.url !== '/health/ready') return answer(404, 'unknown path');
    const reason = unreadiness();
    return reason === undefined ? answer(200, 'ready') : answer(503, reason);
  });
  server.requestTimeout = 5000;
  return {
    name: 'health',
    async start() {
      if (port === 0) return;
      server.listen(port, host);
      await once(server, 'listening');
      const address = server.address() as AddressInfo;
      log.info({ port: address.port }, 'health checks at /health/live and /health/ready');
    },
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}
