import { fill, reach } from '../harness/drain.ts';
import { PAYLOAD, type Peer } from '../harness/peer.ts';
import { start } from '../harness/processes.ts';
import { type Bench, type Scenario, scaled, type Values } from '../harness/scenario.ts';

const LEAST = 10_000;

export const memory: Scenario = {
  name: 'memory',
  title: 'Memory of Redis per task',
  about:
    'used_memory of Redis, the difference to before, per task. With all tasks waiting, less the ' +
    `payload of ${PAYLOAD.length} bytes; with all done, all that is left of them, results included. ` +
    'What does not grow with the tasks, such as a stream of events, is in it.',
  columns: [
    { key: 'waiting', label: 'waiting, bytes/task beyond the payload' },
    { key: 'finished', label: 'finished, bytes/task' },
    { key: 'tasks', label: 'tasks' },
  ],
  better: 'less',
  maxRounds: 2,
  contestants: (bench) =>
    bench.peers
      .filter(({ isOnRedis, isVariant }) => isOnRedis && !isVariant)
      .map((peer) => ({
        name: peer.title,
        peer: peer.name,
        settings: peer.settings,
        run: () => weigh(bench, peer),
      })),
};

async function weigh(bench: Bench, peer: Peer): Promise<Values> {
  const { redis, dir } = bench;
  const tasks = scaled(bench, peer.tasks, Math.min(LEAST, peer.tasks / 10));
  const store = await peer.open(bench);
  const empty = await redis.usedMemory();
  const perTask = async () => ((await redis.usedMemory()) - empty) / tasks;
  await fill(bench, peer, store, { count: tasks });
  const waiting = (await perTask()) - PAYLOAD.length;
  const worker = await start(peer.work, { dir, env: store.env });
  try {
    await reach(store, worker, tasks);
  } finally {
    await worker.stop('SIGTERM');
  }
  return { waiting, finished: await perTask(), tasks };
}
