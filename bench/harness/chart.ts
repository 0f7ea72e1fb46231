/** A result as an SVG of plain bars, readable on light and on dark ground. */
import { type Machine, machineLine } from './machine.ts';
import { disturbance, numberText } from './report.ts';
import type { Result, Row } from './results.ts';
import type { Summary } from './stats.ts';

const WIDTH = 760;
const LABELS = 200;
const NUMBERS = 130;
const BARS = WIDTH - LABELS - NUMBERS;
const TOP = 58;
const LINE = 28;
const BAR = 16;

const STYLE = `
  .text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .small { font-size: 11px; fill: #59636e }
  .bar { fill: #a3b1c2 } .ours { fill: #1f6feb } .spread { stroke: #59636e; stroke-width: 1.5 }
  .label { text-anchor: end } .bold { font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .text { fill: #e6edf3 } .small { fill: #9198a1 } .bar { fill: #4a5563 }
    .ours { fill: #4493f8 } .spread { stroke: #c9d1d9 }
  }`;

export function chartOf(result: Result, machine: Machine): string {
  const { title, columns, better, others } = result;
  const [column = { key: '', label: '' }] = columns;
  const bars = barsOf(result);
  const height = TOP + bars.length * LINE + 44;
  const top = Math.max(...bars.map(({ summary }) => summary.max), Number.MIN_VALUE);
  const isRepeated = bars.some(({ summary }) => summary.all.length > 1);
  const rounds = isRepeated ? ['medians, the thin line spans lowest to highest'] : [];
  const [when = '', where = '', versions = ''] = machineLine(machine).split('; ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    text({ x: 12, y: 24, classes: 'title' }, title),
    text(
      { x: 12, y: 43, classes: 'small' },
      [column.label, `${better} is better`, ...rounds, disturbance(others)]
        .filter(Boolean)
        .join('; '),
    ),
    ...bars.map((bar, i) =>
      drawn(bar, { y: TOP + i * LINE, perUnit: BARS / top, digits: column.digits ?? 0 }),
    ),
    text({ x: 12, y: height - 24, classes: 'small' }, where),
    text({ x: 12, y: height - 9, classes: 'small' }, `${when}; ${versions}`),
    '</svg>\n',
  ].join('\n');
}

interface Bar {
  readonly row: Row;
  readonly summary: Summary;
}

/** Best first. */
function barsOf({ rows, columns, better }: Result): Bar[] {
  const key = columns[0]?.key ?? '';
  const bars = rows.flatMap((row) => {
    const summary = row.values[key];
    return summary ? [{ row, summary }] : [];
  });
  const sign = better === 'more' ? -1 : 1;
  return bars.sort((a, b) => sign * (a.summary.median - b.summary.median));
}

function drawn(
  { row, summary }: Bar,
  { y, perUnit, digits }: { y: number; perUnit: number; digits: number },
): string {
  const { median, min, max } = summary;
  const isOurs = row.peer === 'kaje';
  const bold = isOurs ? ' bold' : '';
  const middle = y + BAR / 2;
  const at = (value: number) => (LABELS + value * perUnit).toFixed(1);
  const width = Math.max(1, median * perUnit).toFixed(1);
  const spread = `<path class="spread" d="M${at(min)} ${middle}H${at(max)}"/>`;
  const right = Number(at(Math.max(median, max))) + 8;
  return [
    text({ x: LABELS - 10, y: middle + 4.5, classes: `label${bold}` }, row.name),
    `<rect class="${isOurs ? 'ours' : 'bar'}" x="${LABELS}" y="${y}" width="${width}" height="${BAR}" rx="2"/>`,
    ...(max > min ? [spread] : []),
    text({ x: right, y: middle + 4.5, classes: bold.trim() }, numberText(median, digits)),
  ].join('\n');
}

function text(
  { x, y, classes }: { x: number; y: number; classes: string },
  content: string,
): string {
  return `<text class="${`text ${classes}`.trim()}" x="${x}" y="${y}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
