/** What commands print: tables for people, JSON for programs. */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { AsyncResultBody } from '../shared/schemas.ts';

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

type Cell = string | number;

export function table(headers: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const [head = '', ...lines] = tableLines(headers, rows);
  print(colour('dim', head));
  for (const line of lines) print(line);
}

/** Columns as wide as their widest cell, numbers to the right; the first line names them. */
export function tableLines(
  headers: readonly string[],
  rows: readonly (readonly Cell[])[],
): string[] {
  const widths = headers.map((header, i) =>
    Math.max(header.length, ...rows.map((row) => widthOf(row[i] ?? ''))),
  );
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [headers.map((header) => header.toUpperCase()), ...rows].map(line);
}

function pad(cell: Cell, width: number): string {
  const space = ' '.repeat(width - widthOf(cell));
  return typeof cell === 'number' ? space + cell : cell + space;
}

/** Colours take no place. */
function widthOf(cell: Cell): number {
  return stripVTControlCharacters(String(cell)).length;
}

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  SUCCESS: 'green',
  FAILURE: 'red',
  REVOKED: 'yellow',
  RETRY: 'yellow',
};

/** The name of a state in its colour. */
export function coloured(state: string): string {
  return colour(STATE_COLOURS[state] ?? 'cyan', state);
}

/** One task: a line, then its result or its error. */
export function printResult(result: AsyncResultBody): void {
  const { task_id: id, name, state, runtime, error } = result;
  const time = runtime === null ? '' : ` in ${runtime} s`;
  print(`${name} ${id} ${coloured(state)}${time}`);
  if (result.progress !== null) print(`progress ${JSON.stringify(result.progress)}`);
  if (result.eta !== null && !result.ready) print(`due ${result.eta}`);
  if (state === 'SUCCESS') printJson(result.result);
  if (error) print(error.traceback || `${error.type}: ${error.message}`);
}

/** The local time of day, to the millisecond. */
export function clockTime(timestamp: string): string {
  const time = new Date(timestamp);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
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
