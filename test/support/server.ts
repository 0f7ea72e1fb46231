/** A Redis of the test's own, for what must not happen to the one that all tests share. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedisServer } from '../../cli/findRedis.ts';
import { startRedisServer } from '../../cli/localRedis.ts';
import type { StartedRedis } from '../../cli/redisServer.ts';
import { defer } from './defer.ts';

export interface OwnRedis {
  readonly url: string;
  readonly port: number;
  pid(): number;
  /** SIGTERM, as at an upgrade. */
  stop(): Promise<void>;
  /** Starts again on the same port with the same data. */
  start(): Promise<void>;
}

/** Starts a Redis with AOF in a temporary folder; stopped and removed after the test. */
export async function ownRedis(): Promise<OwnRedis> {
  const search = { home: process.env.KAJE_HOME ?? '.kaje', log: () => undefined };
  const program = await findRedisServer(search);
  if (!program) throw new Error('No redis-server was found');
  const dir = await mkdtemp(join(tmpdir(), 'kaje-test-'));
  let server: StartedRedis = await startRedisServer(program, { dir, persistent: true });
  const { port, url } = server;
  defer(async () => {
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  });
  return {
    url,
    port,
    pid: () => server.pid,
    stop: () => server.stop(),
    async start() {
      server = await startRedisServer(program, { dir, persistent: true, port });
    },
  };
}
