/** The API on a port: services, HTTP server, and how both end. */
import { once, setMaxListeners } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRedisBroker } from '../shared/brokers/redis.ts';
import { createCatalog } from '../shared/catalog.ts';
import type { Config } from '../shared/config.ts';
import { KajeError } from '../shared/errors.ts';
import type { Log } from '../shared/log.ts';
import { createProducer } from '../shared/producer.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../shared/redis.ts';
import { redisTarget } from '../shared/redisTarget.ts';
import { createWatcher } from '../shared/watcher.ts';
import { createListener } from './app.ts';

export interface RunningApi {
  readonly url: string;
  /** Takes no more requests, answers those under way, closes everything. */
  stop(hurry?: AbortSignal): Promise<void>;
}

/** Milliseconds that requests under way get at a stop. */
const STOP_WITHIN_MS = 5000;

/** Milliseconds that Redis gets at the start; without it the API answers 503 until it is there. */
const CONNECT_WITHIN_MS = 1000;

/** Milliseconds that a client may take; one that is slower is cut. */
export const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2000,
  // Longer than the idle time of common load balancers, or they meet a closed connection.
  keepAliveTimeout: 65_000,
};

export type Limits = Readonly<typeof LIMITS>;

/** Starts the API; Redis need not be there yet. */
export async function startApi(
  config: Config,
  log: Log,
  limits: Partial<Limits> = {},
): Promise<RunningApi> {
  const target = redisTarget(config);
  const redis = connectFailingFast(target, log);
  const broker = createRedisBroker({
    redis,
    subscriber: connectPatiently(target, log.child({ connection: 'news' }, { level: 'silent' })),
    prefix: config.prefix,
    memoryLimit: config.redisMemoryLimit,
  });
  const producer = createProducer({
    broker,
    catalog: createCatalog(broker),
    routes: config.routes,
    queueMaxLength: config.queueMaxLength,
  });
  const stopping = new AbortController();
  // Each waiting client listens.
  setMaxListeners(0, stopping.signal);
  const { maxBodyBytes } = config;
  const watcher = createWatcher(broker);
  const listener = createListener({
    broker,
    producer,
    watcher,
    log,
    maxBodyBytes,
    stopping: stopping.signal,
  });
  const server = createHttpServer(listener, config, limits);
  const closeIdle = idleCloser(server);
  // Whoever is told that the API is ready sends at once, and would meet a 503.
  await whenConnected(redis, CONNECT_WITHIN_MS);
  try {
    server.listen(config.port, config.host);
    await once(server, 'listening');
  } catch (error) {
    await broker.close();
    throw isPortTaken(error) ? portTaken(config, error) : error;
  }
  const url = urlOf(server);
  log.info({ url, docs: `${url}/docs` }, 'API is ready');
  return {
    url,
    async stop(hurry) {
      stopping.abort();
      await closeServer(server, closeIdle, hurry);
      await broker.close();
    },
  };
}

function createHttpServer(
  listener: RequestListener,
  config: Config,
  limits: Partial<Limits>,
): Server {
  const server = createServer({ ...LIMITS, ...limits }, listener);
  server.maxConnections = config.maxConnections;
  return server;
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Closes connections without a request; to Node, one that has not had its first is not idle. */
function idleCloser(server: Server): () => void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return () => {
    server.closeIdleConnections();
    // Browsers and fetch open some ahead, and may never use them.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  };
}

async function closeServer(
  server: Server,
  closeIdle: () => void,
  hurry: AbortSignal | undefined,
): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  closeIdle();
  // A stream or a wait that ends now leaves its connection idle, kept alive for the next request.
  const sweep = setInterval(closeIdle, 50);
  const closeAll = () => server.closeAllConnections();
  // Not AbortSignal.timeout: inside AbortSignal.any it may be collected, and then never fires.
  const deadline = setTimeout(closeAll, STOP_WITHIN_MS);
  hurry?.addEventListener('abort', closeAll);
  if (hurry?.aborted) closeAll();
  await closed;
  clearInterval(sweep);
  clearTimeout(deadline);
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
}

function portTaken({ host, port }: Config, cause: unknown): KajeError {
  const advice = 'choose another with --port or KAJE_PORT, 0 for any free one';
  return new KajeError('PORT_IN_USE', `Port ${port} of ${host} is in use; ${advice}`, { cause });
}
