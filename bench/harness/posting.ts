/** Loads an HTTP server by posts from another process. */
import { BENCH } from './places.ts';
import { type Command, run, start } from './processes.ts';
import type { Bench, Values } from './scenario.ts';
import { durations, ratesOf } from './sending.ts';

export const tsScript = (path: string): Command => ({
  command: process.execPath,
  args: ['--import', 'tsx', `${BENCH}${path}`],
});

export interface Posting {
  readonly path: string;
  readonly body: string;
  readonly connections: number;
  /** In one body. */
  readonly tasks: number;
}

/** Tasks per second, and microseconds of processor time per request. */
export async function postTo(
  bench: Bench,
  server: Command,
  { env, posting }: { env?: Readonly<Record<string, string>>; posting: Posting },
): Promise<Values> {
  const { path, body, connections, tasks } = posting;
  const serving = await start(server, { dir: bench.dir, env });
  try {
    const { url } = await serving.ready;
    const [before, cpuBefore] = [await bench.redis.cpu(), await serving.cpu()];
    const given = { BENCH_URL: `${url}`, BENCH_PATH: path, BENCH_BODY: body };
    const load = { ...given, BENCH_IN_FLIGHT: `${connections}`, ...durations(bench) };
    const sent = ratesOf(await run(tsScript('load/post.ts'), { dir: bench.dir, env: load }));
    const perRequest = (seconds: number) => (seconds * 1e6) / sent.total;
    return {
      rate: sent.rate * tasks,
      serverCpu: perRequest((await serving.cpu()) - cpuBefore),
      redisCpu: perRequest((await bench.redis.cpu()) - before),
      cpu: sent.cpu,
    };
  } finally {
    await serving.stop();
  }
}
