/** What has been measured, from single runs to the rows of a table. */
import type { Machine } from './machine.ts';
import type { Peer } from './peer.ts';
import type { Contestant, Scenario, Values } from './scenario.ts';
import { type Summary, summaryOf } from './stats.ts';

export interface Row {
  readonly name: string;
  readonly peer: string;
  readonly version: string;
  readonly settings: string;
  readonly values: Readonly<Record<string, Summary>>;
  /** Why a run of it went wrong. */
  readonly failure?: string | undefined;
}

export interface Result extends Pick<Scenario, 'name' | 'title' | 'about' | 'columns' | 'better'> {
  readonly rows: readonly Row[];
  /** Shares of the machine that others took, of all runs: 0 to 1. */
  readonly others: readonly number[];
}

export interface Report {
  readonly machine: Machine;
  readonly rounds: number;
  readonly scale: number;
  readonly results: readonly Result[];
  /** Not installed, and what to do about it. */
  readonly missing: readonly Pick<Peer, 'title' | 'install'>[];
}

/** What the runs of one contestant came to. */
export interface Runs {
  readonly contestant: Contestant;
  readonly version: string;
  readonly values: readonly Values[];
  readonly others: readonly number[];
  readonly failure?: string | undefined;
}

export function resultOf(scenario: Scenario, all: readonly Runs[]): Result {
  const { name, title, about, columns, better } = scenario;
  const rows = all.map((runs) => rowOf(scenario, runs));
  const others = all.flatMap((runs) => runs.others);
  return { name, title, about, columns, better, rows, others };
}

function rowOf({ columns }: Scenario, { contestant, version, values, failure }: Runs): Row {
  const { name, peer, settings } = contestant;
  const measured = columns.map(({ key }) => {
    const all = values.flatMap((each) => each[key] ?? []);
    return [key, summaryOf(all)] as const;
  });
  const summaries = Object.fromEntries(measured.filter(([, { all }]) => all.length > 0));
  return { name, peer, version, settings, values: summaries, failure };
}

/** How many times better Kaje is than this row, by the first column; undefined where nobody can say. */
export function advantage({ rows, columns, better }: Result, row: Row): number | undefined {
  const key = columns[0]?.key ?? '';
  const ours = rows.find(({ peer }) => peer === 'kaje')?.values[key]?.median;
  const theirs = row.values[key]?.median;
  if (ours === undefined || theirs === undefined) return undefined;
  return better === 'more' ? ours / theirs : theirs / ours;
}
