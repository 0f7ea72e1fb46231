/** What commands print: tables for people, JSON for programs. */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { AsyncResultBody } from '../shared/schemas.ts';

type Colour = Parameters<typeof styleText>[0];

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  print(jsonText(value));
}

/** Prints `{ "<name>": [...] }` as printJson does, item by item: however many come, none is kept. */
export function createJsonList(name: string) {
  let isEmpty = true;
  return {
    add(items: readonly unknown[]): void {
      for (const item of items) {
        process.stdout.write(isEmpty ? `{\n  "${name}": [\n` : ',\n');
        process.stdout.write(`    ${jsonText(item).replaceAll('\n', '\n    ')}`);
        isEmpty = false;
      }
    },
    end(): void {
      print(isEmpty ? `{\n  "${name}": []\n}` : '\n  ]\n}');
    },
  };
}

/** What JSON leaves as it is may steer a terminal all the same: the second half of the controls. */
function jsonText(value: unknown): string {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 2).replaceAll(/[\u007f-\u009f]/g, escaped);
}

/** What others have written must not steer the terminal; it may have several lines. */
export function plain(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, '');
}

/** Aborted when whoever read is gone, as at `kaje events | head -1`. */
export function readerGone(): AbortSignal {
  const leaving = new AbortController();
  process.stdout.once('error', () => leaving.abort());
  return leaving.signal;
}

/** Colours on a terminal only, and never against NO_COLOR. */
export function colour(style: Colour, text: string): string {
  const isWanted = process.stdout.isTTY === true && !process.env.NO_COLOR;
  return isWanted ? styleText(style, text) : text;
}

type Cell = string | number;

type Row = readonly Cell[];

export function table(headers: readonly string[], rows: readonly Row[]): void {
  createTable(headers)(rows);
}

/** Prints a table whose rows come bit by bit; columns grow with them. */
export function createTable(headers: readonly string[]): (rows: readonly Row[]) => void {
  let widths: readonly number[] | undefined;
  return (rows) => {
    const isFirst = widths === undefined;
    widths = widthsOf(headers, rows, widths);
    if (isFirst) print(colour('dim', lineOf(upperCase(headers), widths)));
    for (const row of rows) print(lineOf(row, widths));
  };
}

/** Columns as wide as their widest cell, numbers to the right; the first line names them. */
export function tableLines(headers: readonly string[], rows: readonly Row[]): string[] {
  const widths = widthsOf(headers, rows);
  return [upperCase(headers), ...rows].map((row) => lineOf(row, widths));
}

function upperCase(headers: readonly string[]): string[] {
  return headers.map((header) => header.toUpperCase());
}

/** Row by row: as arguments of one call they would be too many. */
function widthsOf(
  headers: readonly string[],
  rows: readonly Row[],
  atLeast: readonly number[] = [],
): number[] {
  return headers.map((header, i) =>
    rows.reduce(
      (width, row) => Math.max(width, widthOf(row[i] ?? '')),
      Math.max(header.length, atLeast[i] ?? 0),
    ),
  );
}

function lineOf(cells: Row, widths: readonly number[]): string {
  const padded = cells.map((cell, i) => pad(cell, widths[i] ?? 0));
  return padded.join('  ').trimEnd();
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
  if (result.progress !== null) print(plain(`progress ${JSON.stringify(result.progress)}`));
  if (result.eta !== null && !result.ready) print(`due ${result.eta}`);
  if (state === 'SUCCESS') printJson(result.result);
  if (error) print(plain(error.traceback || `${error.type}: ${error.message}`));
}

/** The local time of day, to the millisecond. */
export function clockTime(timestamp: string): string {
  const time = new Date(timestamp);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, '0')}`;
}

/** `3 s`, `5 min`, `2 h`, `4 d` since a time. */
export function ago(time: string, now = Date.now()): string {
  return span(Math.max(0, Math.round((now - Date.parse(time)) / 1000)));
}

/** `+3 ms`, `-5 s`, `+60 min`: how far a clock is ahead of another one, or behind. */
export function ahead(ms: number): string {
  const sign = ms < 0 ? '-' : '+';
  const far = Math.abs(ms);
  return `${sign}${far < 1000 ? `${far} ms` : span(Math.round(far / 1000))}`;
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}
