/** Writes what has been measured: after each scenario, so that nothing is lost by an interruption. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { chartOf } from './chart.ts';
import { markdownOf } from './report.ts';
import type { Report } from './results.ts';

/** Writes into a folder that exists; returns the name that all files begin with. */
export async function save(report: Report, folder: string): Promise<string> {
  const { date, commit } = report.machine;
  // To the second: two runs of one minute must not write over each other.
  const second = date.slice(0, 19).replaceAll(':', '');
  const base = join(folder, [second, commit.replace('+', '-changed')].filter(Boolean).join('-'));
  await writeFile(`${base}.md`, markdownOf(report));
  await writeFile(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  for (const result of report.results) {
    await writeFile(`${base}-${result.name}.svg`, chartOf(result, report.machine));
  }
  return base;
}
