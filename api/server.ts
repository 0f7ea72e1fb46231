/** The API on a port: services, HTTP server, and how both end. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRedisBroker } from '../shared/brokers/redis.ts';
import { createCatalog } from '../shared/catalog.ts';
import type { Config } from '../shared/config.ts';
import type { Log } from '../shared/log.ts';
import { createProducer } from '../shared/producer.ts';
import { connectFailingFast, connectPatiently } from '../shared/redis.ts';
import { createWatcher } from '../shared/watcher.ts';
import { createApp } from './app.ts';

export interface RunningApi {
  readonly url: string;
  /** Takes no more requests, answers those under way, closes everything. */
  stop(hurry?: AbortSignal): Promise<void>;
}

/** Milliseconds that requests under way get at a stop. */
const STOP_WITHIN_MS = 5000;

/** Starts the API; Redis need not be there yet. */
export async function startApi(config: Config, log: Log): Promise<RunningApi> {
  const broker = createRedisBroker({
    redis: connectFailingFast(config.redisUrl, log),
    subscriber: connectPatiently(
      config.redisUrl,
      log.child({ connection: 'news' }, { level: 'silent' }),
    ),
    prefix: config.prefix,
  });
  const producer = createProducer({
    broker,
    catalog: createCatalog(broker),
    queueMaxLength: config.queueMaxLength,
  });
  const stopping = new AbortController();
  const { maxBodyBytes } = config;
  const watcher = createWatcher(broker);
  const app = createApp({
    broker,
    producer,
    watcher,
    log,
    maxBodyBytes,
    stopping: stopping.signal,
  });
  const server = createHttpServer(app.callback(), config);
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    await broker.close();
    throw error;
  }
  const url = urlOf(server);
  log.info({ url, docs: `${url}/docs` }, 'API is ready');
  return {
    url,
    async stop(hurry) {
      stopping.abort();
      await closeServer(server, hurry);
      await broker.close();
    },
  };
}

function createHttpServer(
  callback: ReturnType<ReturnType<typeof createApp>['callback']>,
  config: Config,
): Server {
  const server = createServer(
    {
      // A client that sends its request slowly holds a connection for so long and no longer.
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2000,
      // Longer than the idle time of common load balancers, or they meet a closed connection.
      keepAliveTimeout: 65_000,
    },
    callback,
  );
  server.maxConnections = config.maxConnections;
  return server;
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function closeServer(server: Server, hurry: AbortSignal | undefined): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const enough = AbortSignal.any([AbortSignal.timeout(STOP_WITHIN_MS), ...(hurry ? [hurry] : [])]);
  enough.addEventListener('abort', () => server.closeAllConnections());
  await closed;
}
