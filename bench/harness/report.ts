/** The results as Markdown. */
import { machineLine } from './machine.ts';
import { advantage, type Report, type Result, type Row } from './results.ts';
import type { Column } from './scenario.ts';
import type { Summary } from './stats.ts';

export function markdownOf(report: Report): string {
  const { machine, rounds, scale, results, missing } = report;
  const size = scale === 1 ? 'full counts' : `counts times ${scale}`;
  const parts = [
    '# Benchmarks',
    `${machineLine(machine)}. Everything runs on this machine. Medians of ${rounds} alternating ` +
      `${rounds === 1 ? 'round' : 'rounds'} (lowest to highest), ${size}.`,
    ...results.map(sectionOf),
    ...(missing.length > 0 ? [missingOf(missing)] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

export function sectionOf(result: Result): string {
  const { name, title, about, rows, others } = result;
  const notes = rows.map(({ name, version, settings }) => {
    return `- ${[name, version].filter(Boolean).join(' ')}: ${settings}.`;
  });
  const parts = [`## ${title} (\`${name}\`)`, about, tableOf(result), disturbance(others)];
  return [...parts, notes.join('\n')].filter(Boolean).join('\n\n');
}

/** Below this share of the machine nobody speaks of it. */
const DISTURBING = 0.03;

/** Empty where nothing disturbed. */
export function disturbance(others: readonly number[]): string {
  const most = Math.max(0, ...others);
  if (most < DISTURBING) return '';
  return `(disturbed: other programs took up to ${Math.round(most * 100)} % of the machine)`;
}

export function tableOf(result: Result): string {
  const { columns, rows } = result;
  const ours = rows.filter(({ peer }) => peer === 'kaje').length;
  const comparing = ours > 0 && ours < rows.length;
  const heads = ['', ...columns.map(({ label }) => label), ...(comparing ? ['Kaje is'] : [])];
  const lines = rows.map((row) => [
    row.name,
    ...(row.failure ? [`failed: ${inOneLine(row.failure)}`] : []),
    ...columns.slice(row.failure ? 1 : 0).map((column) => cellOf(column, row)),
    ...(comparing ? [timesOf(result, row)] : []),
  ]);
  const rule = heads.map((_, i) => (i === 0 ? '---' : '---:'));
  return [heads, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cellOf({ key, digits = 0 }: Column, { values }: Row): string {
  const summary = values[key];
  return summary ? spreadOf(summary, digits) : '';
}

export function spreadOf({ median, min, max, all }: Summary, digits: number): string {
  const text = (value: number) => numberText(value, digits);
  const same = text(min) === text(max);
  return all.length === 1 || same ? text(median) : `${text(median)} (${text(min)}-${text(max)})`;
}

export function numberText(value: number, digits: number): string {
  return value.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function timesOf(result: Result, row: Row): string {
  const times = advantage(result, row);
  return times === undefined ? '' : `${numberText(times, times < 10 ? 2 : 1)} x`;
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').slice(0, 100);
}

function missingOf(missing: Report['missing']): string {
  const lines = missing.map(({ title, install }) => `- ${title}: \`${install}\``);
  return `Left out, for they are not installed here:\n\n${lines.join('\n')}`;
}
