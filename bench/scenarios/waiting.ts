import { setTimeout as sleep } from 'node:timers/promises';
import { PAYLOAD } from '../harness/peer.ts';
import { tsScript } from '../harness/posting.ts';
import { run, start } from '../harness/processes.ts';
import type { BenchRedis } from '../harness/redis.ts';
import type { Bench, Scenario, Values } from '../harness/scenario.ts';
import { percentile } from '../harness/stats.ts';
import { isKaje, type KajePeer } from '../peers/kaje/index.ts';

const CLIENTS = 1000;
/** When all of them wait. */
const LOOK_MS = 2000;

export const waiting: Scenario = {
  name: 'waiting',
  title: `${CLIENTS.toLocaleString('en-US')} clients that wait for a result at once`,
  about:
    'Each client waits for a task of its own by GET /v1/tasks/{id}?wait=30; the tasks end one ' +
    'after the other over five seconds. Measured from the end of a task, by its record, to the ' +
    'answer. Connections are those to Redis of the API and the worker together.',
  columns: [
    { key: 'p50', label: 'end to answer p50, ms' },
    { key: 'p99', label: 'end to answer p99, ms' },
    { key: 'slowest', label: 'slowest, ms' },
    { key: 'connections', label: 'connections to Redis' },
  ],
  better: 'less',
  contestants: (bench) =>
    bench.peers.filter(isKaje).map((kaje) => ({
      name: kaje.title,
      peer: kaje.name,
      settings: 'one API, one worker, defaults',
      run: () => waitAll(bench, kaje),
    })),
};

async function waitAll(bench: Bench, kaje: KajePeer): Promise<Values> {
  const { dir, redis } = bench;
  const { env } = await kaje.open(bench);
  const ours = await connectionsTo(redis);
  const worker = await start(kaje.work, { dir, env });
  const api = await start(kaje.cli('api', '--port', '0'), { dir, env });
  try {
    const [{ url }] = await Promise.all([api.ready, worker.ready]);
    const given = { BENCH_URL: `${url}`, BENCH_PAYLOAD: PAYLOAD, BENCH_CLIENTS: `${CLIENTS}` };
    const waits = run(tsScript('load/waiting.ts'), { dir, env: given });
    await Promise.race([sleep(LOOK_MS), waits]);
    const connections = (await connectionsTo(redis)) - ours;
    const delays = (await waits) as number[]; // Of the script.
    const [p50, p99, slowest] = [0.5, 0.99, 1].map((share) => percentile(delays, share));
    return { p50: p50 ?? 0, p99: p99 ?? 0, slowest: slowest ?? 0, connections };
  } finally {
    await api.stop();
    await worker.stop();
  }
}

async function connectionsTo({ main }: BenchRedis): Promise<number> {
  const list = String(await main.client('LIST'));
  return list.split('\n').filter((line) => line.includes(' addr=')).length;
}
