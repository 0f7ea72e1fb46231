/** A report as a run would make it. */
import type { Report, Result, Row } from '../../bench/harness/results.ts';
import { summaryOf } from '../../bench/harness/stats.ts';

export function row(name: string, rates: readonly number[], more: Partial<Row> = {}): Row {
  const values = rates.length > 0 ? { rate: summaryOf(rates) } : {};
  const peer = name.toLowerCase();
  return { name, peer, version: '1.2.3', settings: `as ${name} comes`, values, ...more };
}

export function result(rows: readonly Row[], more: Partial<Result> = {}): Result {
  return {
    name: 'drain',
    title: 'Drain <fast>',
    about: 'Measured so.',
    columns: [{ key: 'rate', label: 'tasks/s' }],
    better: 'more',
    rows,
    others: [],
    ...more,
  };
}

export const machine: Report['machine'] = {
  cpu: 'A Processor',
  cores: 2,
  memoryGb: 24,
  system: 'Linux 6',
  node: 'v20.0.0',
  redis: '7.0.15',
  load: 0.5,
  date: '2026-11-23T01:26:30.000Z',
  commit: 'abc1234+',
};

export function report(results: readonly Result[], more: Partial<Report> = {}): Report {
  return { machine, rounds: 3, scale: 1, results, missing: [], ...more };
}
