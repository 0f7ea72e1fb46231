/** What commands print: tables for people, JSON for programs. */
import { styleText } from 'node:util';
import type { AsyncResultBody } from '../shared/protocol.ts';

type Colour = Parameters<typeof styleText>[0];

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Colours on a terminal only, and never against NO_COLOR. */
export function colour(style: Colour, text: string): string {
  const isWanted = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return isWanted ? styleText(style, text) : text;
}

/** Columns as wide as their widest cell; numbers to the right. */
export function table(
  headers: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  const widths = headers.map((header, i) =>
    Math.max(header.length, ...rows.map((row) => String(row[i] ?? '').length)),
  );
  const line = (cells: readonly (string | number)[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  print(colour('dim', line(headers.map((header) => header.toUpperCase()))));
  for (const row of rows) print(line(row));
}

function pad(cell: string | number, width: number): string {
  return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width);
}

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  SUCCESS: 'green',
  FAILURE: 'red',
  REVOKED: 'yellow',
  RETRY: 'yellow',
};

/** One task: a line, then its result or its error. */
export function printResult(result: AsyncResultBody): void {
  const { task_id: id, name, state, runtime, error } = result;
  const time = runtime === null ? '' : ` in ${runtime} s`;
  print(`${name} ${id} ${colour(STATE_COLOURS[state] ?? 'cyan', state)}${time}`);
  if (result.progress !== null) print(`progress ${JSON.stringify(result.progress)}`);
  if (result.eta !== null && !result.ready) print(`due ${result.eta}`);
  if (state === 'SUCCESS') printJson(result.result);
  if (error) print(error.traceback || `${error.type}: ${error.message}`);
}

/** `3 s`, `5 min`, `2 h`, `4 d` since a time. */
export function ago(time: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}
