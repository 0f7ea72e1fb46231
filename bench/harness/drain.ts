/** Fills a peer with tasks and watches how its worker works them off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PAYLOAD, type Peer, type Store, type TaskName } from './peer.ts';
import { type Running, run, start } from './processes.ts';
import type { Bench, Values } from './scenario.ts';

/** Before this share is done nothing counts: programs start and compile themselves. */
const WARM_UP = 0.1;
const STUCK_MS = 60_000;

export interface Backlog {
  readonly task?: TaskName;
  readonly count: number;
  /** Tasks after which the measurement ends. Default: all */
  readonly until?: number;
  /** Tasks before which nothing counts. Default: a tenth of `until` */
  readonly after?: number;
}

/** A moment of a drain. */
interface Point {
  /** Milliseconds. */
  readonly at: number;
  readonly done: number;
  readonly workerCpu: number;
  readonly storeCpu: number;
}

/** Tasks per second, microseconds of processor time per task of the worker and of the store. */
export async function drain(bench: Bench, peer: Peer, backlog: Backlog): Promise<Values> {
  const store = await peer.open(bench);
  await fill(bench, peer, store, backlog);
  const worker = await start(peer.work, { dir: bench.dir, env: store.env });
  try {
    const until = backlog.until ?? backlog.count;
    const first = await reach(store, worker, backlog.after ?? Math.floor(until * WARM_UP));
    const last = await reach(store, worker, until);
    return ratesBetween(first, last);
  } finally {
    await worker.stop();
  }
}

export async function fill(
  { dir }: Bench,
  peer: Peer,
  store: Store,
  { task = 'noop', count }: Backlog,
): Promise<void> {
  const env = { BENCH_COUNT: `${count}`, BENCH_TASK: task, BENCH_PAYLOAD: PAYLOAD };
  await run(peer.fill, { dir, env: { ...store.env, ...env } });
}

/** The moment when at least so many tasks are seen to be done. */
export async function reach(store: Store, worker: Running, count: number): Promise<Point> {
  let seen = 0;
  let movedAt = performance.now();
  for (;;) {
    const done = await store.done();
    const at = performance.now();
    if (done >= count) {
      return { at, done, workerCpu: await worker.cpu(), storeCpu: await store.cpu() };
    }
    if (done > seen) [seen, movedAt] = [done, at];
    await worker.check();
    if (at - movedAt > STUCK_MS) throw new Error(`${done} of ${count} done, and no more`);
    await sleep(store.pollMs);
  }
}

/** @throws Error when nothing was done between them */
export function ratesBetween(first: Point, last: Point): Values {
  const tasks = last.done - first.done;
  if (tasks <= 0) throw new Error(`${last.done} tasks were done too soon to be measured`);
  const perTask = (seconds: number) => (seconds / tasks) * 1e6;
  return {
    rate: (tasks / (last.at - first.at)) * 1000,
    workerCpu: perTask(last.workerCpu - first.workerCpu),
    storeCpu: perTask(last.storeCpu - first.storeCpu),
    tasks: last.done,
  };
}
