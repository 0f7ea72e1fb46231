import { PAYLOAD, type Peer } from '../harness/peer.ts';
import { type Command, run } from '../harness/processes.ts';
import { type Bench, type Scenario, scaled, type Values } from '../harness/scenario.ts';
import { bullmqScript } from '../peers/bullmq/index.ts';
import { isKaje } from '../peers/kaje/index.ts';

const DEEP = 1_000_000;
const READS = 2000;

/** Two places that keep their tasks apart. */
export const NEAR = 'near';
export const FAR = 'far';

export const statusRead: Scenario = {
  name: 'statusRead',
  title: 'Read the state of a task from a queue of 10 and from a long one',
  about:
    'Single reads of waiting tasks, one from the short queue, one from anywhere in the long one, ' +
    'in turns, in one client on Redis; medians of all.',
  columns: [
    { key: 'ratio', label: 'long : 10, times the time', digits: 2 },
    { key: 'far', label: 'long queue, us/read' },
    { key: 'near', label: 'queue of 10, us/read' },
    { key: 'depth', label: 'long queue, tasks' },
  ],
  better: 'less',
  maxRounds: 3,
  contestants: (bench) =>
    bench.peers.flatMap((peer) => {
      const found = readerOf(peer);
      if (!found) return [];
      const { settings, command } = found;
      const { title: name } = peer;
      return [{ name, peer: peer.name, settings, run: () => read(bench, peer, command) }];
    }),
};

function readerOf(peer: Peer): { settings: string; command: Command } | undefined {
  if (isKaje(peer))
    return { settings: 'task.info of the client on Redis', command: peer.script('statusRead') };
  if (peer.name !== 'bullmq') return undefined;
  return { settings: 'Queue.getJob and job.getState', command: bullmqScript('statusRead') };
}

async function read(bench: Bench, peer: Peer, command: Command): Promise<Values> {
  const depth = scaled(bench, DEEP, 1000);
  const { env } = await peer.open(bench);
  if (isKaje(peer)) await Promise.all([NEAR, FAR].map((name) => peer.publish(bench, name)));
  const given = { BENCH_DEPTH: `${depth}`, BENCH_READS: `${scaled(bench, READS, 500)}` };
  const answer = await run(command, {
    dir: bench.dir,
    env: { ...env, ...given, BENCH_PAYLOAD: PAYLOAD },
  });
  const { near, far } = answer as { near: number; far: number }; // Of the scripts.
  return { ratio: far / near, far, near, depth };
}
