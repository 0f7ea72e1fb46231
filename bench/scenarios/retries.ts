import { fill, ratesBetween, reach } from '../harness/drain.ts';
import type { Peer } from '../harness/peer.ts';
import { start } from '../harness/processes.ts';
import { type Bench, type Scenario, scaled, type Values } from '../harness/scenario.ts';

/** Of the tasks that fail, so many that do not are done before. */
const WARM_UP = 0.2;
const LEAST = 200;

export const retries: Scenario = {
  name: 'retries',
  title: 'Tasks that fail once and are run again at once',
  about:
    'Some tasks that succeed are done first, to warm up; then come those that fail in their ' +
    'first run and succeed in their second, without delay between. Measured from the end of the ' +
    'former to the end of the latter; done is a task whose final result is stored. Peers that ' +
    'wait before they retry are not here.',
  columns: [
    { key: 'rate', label: 'tasks/s (two runs each)' },
    { key: 'workerCpu', label: 'worker CPU, us/task' },
    { key: 'storeCpu', label: 'server CPU, us/task' },
    { key: 'tasks', label: 'tasks' },
  ],
  better: 'more',
  contestants: (bench) =>
    bench.peers
      .filter(({ retriesAtOnce }) => retriesAtOnce)
      .map((peer) => ({
        name: peer.title,
        peer: peer.name,
        settings: peer.settings,
        run: () => retry(bench, peer),
      })),
};

async function retry(bench: Bench, peer: Peer): Promise<Values> {
  const count = scaled(bench, peer.tasks / 2, LEAST);
  const before = Math.ceil(count * WARM_UP);
  const store = await peer.open(bench);
  await fill(bench, peer, store, { count: before });
  await fill(bench, peer, store, { count, task: 'flaky' });
  const worker = await start(peer.work, { dir: bench.dir, env: store.env });
  // Two of each task that fails.
  const [seen, all] = store.runs
    ? [{ ...store, done: store.runs }, before + 2 * count]
    : [store, before + count];
  try {
    const first = await reach(seen, worker, before);
    const last = await reach(seen, worker, all);
    return ratesBetween({ ...first, done: before }, { ...last, done: before + count });
  } finally {
    await worker.stop();
  }
}
