/** One look of `kaje top` at the cluster, and what two of them tell: rates and load. */
import type { Inspection, QueueBody, WorkerStats } from '../client/index.ts';

/** One look. */
export interface Sample {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly queues: readonly QueueBody[];
  readonly stats: Pick<Inspection<'stats'>, 'workers' | 'missing'>;
  readonly active: Pick<Inspection<'active'>, 'workers'>;
}

/** Since the look before. */
export interface Rates {
  readonly done: number;
  readonly failed: number;
}

/** Per cent of one processor. */
export function load(now: WorkerStats, last: WorkerStats, ms: number): number {
  const used = now.cpu.user + now.cpu.system - (last.cpu.user + last.cpu.system);
  return Math.max(0, Math.round((used * 100_000) / Math.max(1, ms)));
}

export function statsOf({ stats }: Sample): [id: string, WorkerStats][] {
  return Object.entries(stats.workers).flatMap(([id, answer]) =>
    'error' in answer ? [] : [[id, answer]],
  );
}

export function statsIn(sample: Sample | undefined, id: string): WorkerStats | undefined {
  const answer = sample?.stats.workers[id];
  return answer && !('error' in answer) ? answer : undefined;
}

export function queueStats(sample: Sample, name: string) {
  return statsOf(sample).flatMap(([, { queues }]) => queues.filter((queue) => queue.name === name));
}

export function queueTotals(sample: Sample | undefined, name: string): Totals | undefined {
  if (!sample) return undefined;
  const totals = queueStats(sample, name).map((queue) => queue.totals);
  const total = (pick: (each: Totals) => number) => sum(totals.map(pick));
  return { succeeded: total((each) => each.succeeded), failed: total((each) => each.failed) };
}

type Totals = Pick<WorkerStats['totals'], 'succeeded' | 'failed'>;

/** Undefined where there is nothing to compare with. */
export function ratesOf(
  now: Totals | undefined,
  last: Totals | undefined,
  sample: Sample,
  before: Sample | undefined,
): Rates | undefined {
  if (!now || !last || !before) return undefined;
  const seconds = Math.max(0.001, (sample.at - before.at) / 1000);
  // Less than before: another process has the name now.
  const rate = (count: number) => Math.max(0, count) / seconds;
  const failed = rate(now.failed - last.failed);
  return { done: rate(now.succeeded - last.succeeded) + failed, failed };
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
