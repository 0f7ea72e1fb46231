/** What `kaje top` shows, from two looks at the cluster: lines that fit a terminal. */
import type { ActiveTask, QueueBody } from '../client/index.ts';
import { tableLines } from './output.ts';
import {
  load,
  queueStats,
  queueTotals,
  type Rates,
  ratesOf,
  type Sample,
  statsIn,
  statsOf,
  sum,
} from './topSample.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Line {
  readonly text: string;
  readonly style?: 'bold' | 'dim' | 'red' | 'yellow';
}

interface Section {
  readonly head: string;
  readonly rows: readonly Line[];
}

/** The frame as lines; with a look before, also rates. */
export function frameOf(sample: Sample, before: Sample | undefined, size: Size): Line[] {
  const sections = [
    queueSection(sample, before),
    workerSection(sample, before),
    taskSection(sample),
  ];
  const wanted = sections.map(({ rows }) => rows.length);
  // The summary, and above each section a blank line and its head.
  const room = shares(wanted, Math.max(0, size.rows - 1 - 2 * sections.length));
  const lines = [
    summary(sample, before),
    ...sections.flatMap((each, i) => fitted(each, room[i] ?? 0)),
  ];
  return lines
    .slice(0, size.rows)
    .map((line) => ({ ...line, text: clipped(line.text, size.columns) }));
}

/** Divides rows: who needs little gets it all, and leaves the rest to the others. */
export function shares(wanted: readonly number[], total: number): number[] {
  const got = wanted.map(() => 0);
  let left = total;
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  order.forEach((place, done) => {
    const fair = Math.floor(left / (order.length - done));
    got[place] = Math.min(wanted[place] ?? 0, fair);
    left -= got[place] ?? 0;
  });
  return got;
}

function fitted({ head, rows }: Section, room: number): Line[] {
  const above: Line[] = [{ text: '' }, { text: head, style: 'dim' }];
  if (rows.length <= room) return [...above, ...rows];
  const shown = rows.slice(0, Math.max(0, room - 1));
  return [...above, ...shown, { text: `… ${rows.length - shown.length} more`, style: 'dim' }];
}

/** Also without what would move the cursor: names may come from other programs. */
function clipped(text: string, columns: number): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '');
  return plain.length <= columns ? plain : `${plain.slice(0, Math.max(0, columns - 1))}…`;
}

function summary(sample: Sample, before: Sample | undefined): Line {
  const workers = statsOf(sample);
  const running = sum(workers.map(([, { active }]) => active));
  const waiting = sum(sample.queues.map((queue) => queue.waiting));
  const rates = workers.map(([id, stats]) =>
    ratesOf(stats.totals, statsIn(before, id)?.totals, sample, before),
  );
  const done = sum(rates.map((rate) => rate?.done ?? 0));
  const failed = sum(rates.map((rate) => rate?.failed ?? 0));
  const alive = workers.length + sample.stats.missing.length;
  const parts = [
    'kaje top',
    timeOf(sample.at),
    alive === 1 ? '1 worker' : `${alive} workers`,
    `${running} running`,
    `${waiting} waiting`,
    ...(before ? [`${done.toFixed(1)} done/s`, `${failed.toFixed(1)} failed/s`] : []),
  ];
  return { text: parts.join('   '), style: 'bold' };
}

function queueSection(sample: Sample, before: Sample | undefined): Section {
  const queues = [...sample.queues].sort(
    (a, b) => b.waiting + b.active - (a.waiting + a.active) || (a.name < b.name ? -1 : 1),
  );
  const heads = ['queue', 'waiting', 'delayed', 'running', 'slots', 'done/s', 'failed/s', ''];
  const cells = queues.map((queue) => {
    const rate = ratesOf(
      queueTotals(sample, queue.name),
      queueTotals(before, queue.name),
      sample,
      before,
    );
    const slots = sum(queueStats(sample, queue.name).map(({ concurrency }) => concurrency));
    const counts = [queue.waiting, queue.delayed, queue.active, slots];
    return [queue.name, ...counts, ...rateCells(rate), noteOn(queue)];
  });
  const style = (queue: QueueBody | undefined) => (queue && noteOn(queue) ? 'yellow' : undefined);
  return sectionOf(heads, cells, queues.map(style));
}

function noteOn({ paused, waiting, workers }: QueueBody): string {
  if (paused) return 'paused';
  return waiting > 0 && workers.length === 0 ? 'no worker' : '';
}

function workerSection(sample: Sample, before: Sample | undefined): Section {
  const heads = [
    'worker',
    'running',
    'slots',
    'done/s',
    'failed/s',
    'cpu %',
    'memory',
    'lag ms',
    'up',
  ];
  const alive = statsOf(sample).map(([id, stats]) => {
    const last = statsIn(before, id);
    const slots = sum(stats.queues.map(({ concurrency }) => concurrency));
    const rate = ratesOf(stats.totals, last?.totals, sample, before);
    const cpu = before && last ? load(stats, last, sample.at - before.at) : '-';
    const memory = `${Math.round(stats.memory.rss_mb)} MB`;
    const up = spanOf(stats.uptime);
    return [id, stats.active, slots, ...rateCells(rate), cpu, memory, stats.loop_lag_ms, up];
  });
  const silent = sample.stats.missing.map((id) => [id, 'does not answer']);
  const styles = [...alive.map(() => undefined), ...silent.map(() => 'red' as const)];
  return sectionOf(heads, [...alive, ...silent], styles);
}

function taskSection(sample: Sample): Section {
  const tasks = Object.values(sample.active.workers)
    .flatMap((answer): readonly ActiveTask[] => ('error' in answer ? [] : answer))
    .sort((a, b) => Date.parse(a.started_at) - Date.parse(b.started_at));
  const heads = ['runtime', 'task', 'id', 'queue', 'worker', 'retries', 'in'];
  if (tasks.length === 0) return { head: 'NO TASK RUNS', rows: [] };
  const cells = tasks.map((task) => [
    spanOf(Math.max(0, sample.at - Date.parse(task.started_at)) / 1000),
    task.name,
    task.task_id,
    task.queue,
    task.worker,
    task.retries,
    task.run_in,
  ]);
  return sectionOf(heads, cells, []);
}

function sectionOf(
  heads: readonly string[],
  cells: readonly (readonly (string | number)[])[],
  styles: readonly (Line['style'] | undefined)[],
): Section {
  const [head = '', ...rows] = tableLines(heads, cells);
  const lines = rows.map((text, i): Line => {
    const style = styles[i];
    return style ? { text, style } : { text };
  });
  return { head, rows: lines };
}

function rateCells(rates: Rates | undefined): [string, string] {
  const cell = (rate: number | undefined, head: string) =>
    (rate?.toFixed(1) ?? '-').padStart(head.length);
  return [cell(rates?.done, 'done/s'), cell(rates?.failed, 'failed/s')];
}

/** `0.4 s`, `59 s`, `4:09`, `1:00:00`, `3 d`. */
export function spanOf(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds >= 172_800) return `${Math.floor(seconds / 86_400)} d`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = `${two(minutes)}:${two(Math.floor(seconds % 60))}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, '');
}

function timeOf(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

function two(count: number): string {
  return String(count).padStart(2, '0');
}
