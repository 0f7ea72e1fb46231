/** What a benchmark is made of: scenarios, whose contestants run in turns. */
import type { Ground, Peer } from './peer.ts';

/** What one run has measured: column -> number. */
export type Values = Readonly<Record<string, number>>;

export interface Column {
  readonly key: string;
  /** With its unit: `tasks/s`. */
  readonly label: string;
  /** After the point. Default: 0 */
  readonly digits?: number;
}

/** One row of a scenario's table. */
export interface Contestant {
  readonly name: string;
  /** Name of the peer that it belongs to; the rows of `kaje` are what the others are compared with. */
  readonly peer: string;
  /** How it is set, and what is odd about it, in one sentence. */
  readonly settings: string;
  run(): Promise<Values>;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** What is measured, and when a task counts as done. */
  readonly about: string;
  /** The first is what the chart shows and what rows are compared by. */
  readonly columns: readonly Column[];
  readonly better: 'more' | 'less';
  /** Of a scenario that takes long. Default: as many as asked for. */
  readonly maxRounds?: number;
  contestants(bench: Bench): readonly Contestant[];
}

/** What a scenario gets to work with. */
export interface Bench extends Ground {
  /** Chosen and installed ones. */
  readonly peers: readonly Peer[];
  /** What all counts and durations are multiplied with: 1 in a full run. */
  readonly scale: number;
}

/** `full` in a full run, fewer in a smaller one, but not less than `least`. */
export function scaled({ scale }: Pick<Bench, 'scale'>, full: number, least = 1): number {
  return Math.max(Math.min(least, full), Math.round(full * scale));
}
