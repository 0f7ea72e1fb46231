import { PAYLOAD, type Peer } from '../harness/peer.ts';
import { tsScript } from '../harness/posting.ts';
import { type Command, run, start } from '../harness/processes.ts';
import {
  type Bench,
  type Contestant,
  type Scenario,
  scaled,
  type Values,
} from '../harness/scenario.ts';
import { ratesOf } from '../harness/sending.ts';
import { percentile } from '../harness/stats.ts';
import { bullmqScript } from '../peers/bullmq/index.ts';
import { isKaje, type KajePeer } from '../peers/kaje/index.ts';

const LOAD = 0.2;
const SECONDS = 20;
const WARM_UP = 3;
const LEAST = 1;

export const latency: Scenario = {
  name: 'latency',
  title: `Latency at ${LOAD * 100} % load`,
  about:
    'An open loop: tasks are sent at random times (Poisson), and times count from when a task ' +
    'should have been sent. Before, each way is measured in a closed loop, 64 tasks in flight ' +
    `from the send to the result; ${LOAD * 100} % of the slowest one's rate is what all get. ` +
    'Started is by the clock of the task, result is when the client has it.',
  columns: [
    { key: 'result50', label: 'send to result p50, ms', digits: 2 },
    { key: 'result99', label: 'send to result p99, ms', digits: 2 },
    { key: 'start50', label: 'send to start p50, ms', digits: 2 },
    { key: 'start99', label: 'send to start p99, ms', digits: 2 },
    { key: 'rate', label: 'offered, tasks/s' },
    { key: 'most', label: 'closed loop, tasks/s' },
  ],
  better: 'less',
  contestants(bench) {
    const ways = waysOf(bench);
    let measured: Promise<Map<Way, number>> | undefined;
    return ways.map(
      (way): Contestant => ({
        ...way,
        async run() {
          measured ??= ratesOfAll(bench, ways);
          const most = await measured;
          const rate = LOAD * Math.min(...most.values());
          return { ...(await latencies(bench, way, rate)), rate, most: most.get(way) ?? 0 };
        },
      }),
    );
  },
};

/** A way from the send to the result. */
interface Way extends Pick<Contestant, 'name' | 'peer' | 'settings'> {
  readonly from: Peer;
  readonly client: Command;
  /** Where the client sends to, when that is no Redis. */
  readonly server?: Command;
}

function waysOf({ peers }: Bench): Way[] {
  return peers.flatMap((peer) => {
    if (isKaje(peer)) return waysOfKaje(peer);
    return peer.name === 'bullmq' ? waysOfBullmq(peer) : [];
  });
}

function waysOfKaje(from: KajePeer): Way[] {
  const { title, name } = from;
  return [
    {
      from,
      name: `${title} over HTTP`,
      peer: name,
      settings: 'POST /v1/send_task?wait=5; one API, one worker, defaults',
      client: tsScript('load/postAndWait.ts'),
      server: from.cli('api', '--port', '0'),
    },
    {
      from,
      name: `${title} over Redis`,
      peer: name,
      settings: 'sendTask and get of the client; one worker, defaults',
      client: from.script('latency'),
    },
  ];
}

function waysOfBullmq(from: Peer): Way[] {
  const client = bullmqScript('latency');
  const way = (by: string, settings: string): Way => ({
    from,
    name: `BullMQ, ${by === 'events' ? 'event' : 'wait'}`,
    peer: from.name,
    settings,
    client: { ...client, env: { BENCH_BY: by } },
  });
  return [
    way('events', 'Queue.add, and one listener to "completed" of QueueEvents'),
    way('wait', 'Queue.add and job.waitUntilFinished'),
  ];
}

async function ratesOfAll(bench: Bench, ways: readonly Way[]): Promise<Map<Way, number>> {
  const rates = new Map<Way, number>();
  for (const way of ways) {
    rates.set(way, ratesOf(await loaded(bench, way, durationsOf(bench, WARM_UP))).rate);
  }
  return rates;
}

async function latencies(bench: Bench, way: Way, rate: number): Promise<Values> {
  const answer = await loaded(bench, way, {
    BENCH_RATE: `${rate}`,
    ...durationsOf(bench, SECONDS),
  });
  const { starts, ends } = answer as { starts: number[]; ends: number[] }; // Of the open loop.
  return {
    result50: percentile(ends, 0.5),
    result99: percentile(ends, 0.99),
    start50: percentile(starts, 0.5),
    start99: percentile(starts, 0.99),
  };
}

function durationsOf(bench: Bench, seconds: number): Record<string, string> {
  return {
    BENCH_SECONDS: `${scaled(bench, seconds, LEAST)}`,
    BENCH_WARM_UP: `${scaled(bench, WARM_UP, LEAST)}`,
  };
}

/** Runs a worker, the server if there is one, and the client against them. */
async function loaded(
  bench: Bench,
  { from, client, server }: Way,
  load: Readonly<Record<string, string>>,
): Promise<unknown> {
  const { dir } = bench;
  const { env } = await from.open(bench);
  const worker = await start(from.work, { dir, env });
  const serving = server && (await start(server, { dir, env }));
  try {
    await worker.ready;
    const url = (await serving?.ready)?.url;
    const given = { ...load, BENCH_PAYLOAD: PAYLOAD, ...(url ? { BENCH_URL: `${url}` } : {}) };
    return await run(client, { dir, env: { ...env, ...given } });
  } finally {
    await serving?.stop();
    await worker.stop();
  }
}
