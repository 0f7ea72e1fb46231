/** The Redis of a run: a server of its own, set as Kaje sets its own, the same for all peers. */
import { Redis } from 'ioredis';
import { findOrMakeRedis } from '../../cli/localRedis.ts';
import { ROOT } from './places.ts';

export interface BenchRedis {
  /** Without a database: programs add `/0` or `/1`. */
  readonly url: string;
  readonly version: string;
  /** Database 0. */
  readonly main: Redis;
  /** Database 1: results of peers that can keep them apart, so that counting them is DBSIZE. */
  readonly results: Redis;
  /** Empties it; it belongs to the run. */
  flush(): Promise<void>;
  /** Seconds of processor time used so far. */
  cpu(): Promise<number>;
  /** Bytes that Redis has allocated. */
  usedMemory(): Promise<number>;
  stop(): Promise<void>;
}

export async function startBenchRedis(log: (line: string) => void): Promise<BenchRedis> {
  const home = process.env.KAJE_HOME ?? `${ROOT}.kaje`;
  const server = await findOrMakeRedis({ home, persistent: false, log });
  const main = new Redis(server.url);
  const results = new Redis(`${server.url}/1`);
  const info = async (section: string, field: string) =>
    fieldOf(await main.info(section), field) ?? '0';
  return {
    url: server.url,
    version: await info('server', 'redis_version'),
    main,
    results,
    async flush() {
      await main.flushall('SYNC');
    },
    async cpu() {
      const text = await main.info('cpu');
      const seconds = ['used_cpu_user', 'used_cpu_sys'].map((name) => Number(fieldOf(text, name)));
      return seconds.reduce((sum, each) => sum + each, 0);
    },
    usedMemory: async () => Number(await info('memory', 'used_memory')),
    async stop() {
      main.disconnect();
      results.disconnect();
      await server.stop();
    },
  };
}

/** A value from the answer to INFO. */
export function fieldOf(text: string, field: string): string | undefined {
  return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1];
}
