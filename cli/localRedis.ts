/** Finds or makes a Redis for `kaje start` and for the tests. */
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KajeError } from '../shared/errors.ts';
import { ADVICE, findRedisServer, type RedisServer, type Search } from './findRedis.ts';
import {
  type LocalRedis,
  launch,
  type RedisServerOptions,
  type StartedRedis,
  terminate,
  untilLoaded,
} from './redisServer.ts';
import { leave, share } from './sharedServer.ts';

/** The Redis at `url` if one is given, else a server of this machine with its data under `home`. */
export async function findOrMakeRedis(
  options: Search & {
    readonly url?: string | undefined;
    readonly persistent: boolean;
    /** Of a persistent server: taken when it is free. */
    readonly preferPort?: number;
  },
): Promise<LocalRedis> {
  if (options.url) return { url: options.url, origin: 'as given', stop: async () => {} };
  const server = await findRedisServer(options);
  if (!server) throw notFound();
  if (!options.persistent) return startThrowAway(server, options);
  return startRedisServer(server, { ...options, dir: join(options.home, 'data') });
}

async function startThrowAway(server: RedisServer, { log }: Search): Promise<LocalRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'kaje-redis-'));
  const redis = await startRedisServer(server, { dir, persistent: false, log });
  const stop = () => redis.stop().then(() => rm(dir, { recursive: true, force: true }));
  return { ...redis, stop };
}

function notFound(): KajeError {
  const ways = ['set KAJE_REDIS_URL to a Redis that runs', ...ADVICE];
  const lines = ways.map((way) => `  - ${way}`).join('\n');
  return new KajeError('REDIS_NOT_FOUND', `No Redis found. Any one of these helps:\n${lines}`);
}

/** Starts `server` on loopback, or takes over the one that already runs on a persistent `dir`. */
export async function startRedisServer(
  server: RedisServer,
  options: RedisServerOptions,
): Promise<StartedRedis> {
  await mkdir(options.dir, { recursive: true });
  const place = { ...options, dir: await realpath(options.dir) };
  const running = await (options.persistent ? share(server, place) : launch(server, place));
  let stopping: Promise<void> | undefined;
  const end = () => (options.persistent ? leave(running, place.dir) : terminate(running));
  const stop = () => (stopping ??= end());
  await untilLoaded(running, place).catch(async (error) => {
    await stop();
    throw error;
  });
  const { origin, pid, port } = running;
  return { url: `redis://127.0.0.1:${port}`, origin, pid, port, stop };
}
