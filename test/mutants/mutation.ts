/** One small change to a source, of a kind that people make by mistake. */
export interface Mutation {
  /** From the root of the project. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly kind: Kind;
  readonly start: number;
  readonly end: number;
  /** What stands between `start` and `end` then. */
  readonly text: string;
  /** Its line before and after, as a person reads it: the same wherever the line has moved to. */
  readonly change: string;
}

export const KINDS = [
  'call removed',
  'condition negated',
  'bound or arithmetic',
  'constant',
  'await removed',
  'return removed',
  'function emptied',
] as const;

export type Kind = (typeof KINDS)[number];

/** A change as the parsers find it, before it is known in which file and line. */
export type Change = Omit<Mutation, 'file' | 'line' | 'change'>;

export const OPERATORS: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
};

/** A bound moves by one; what is a time or a size moves so far that somebody should notice. */
export function otherNumber(value: number): string {
  if (value < 10) return `${value === 1 ? 0 : value + 1}`;
  return `${value * 10}`;
}

/** Words with blanks are for people; what is a key, a field or a state has none. */
export const isName = (text: string): boolean => /^[\w.:$-]+$/.test(text);

export function located(file: string, source: string, changes: readonly Change[]): Mutation[] {
  return changes.map((change) => ({
    ...change,
    file,
    line: source.slice(0, change.start).split('\n').length,
    change: described(source, change),
  }));
}

export function mutated(source: string, { start, end, text }: Change): string {
  return source.slice(0, start) + text + source.slice(end);
}

function described(source: string, { start, end, text }: Change): string {
  const from = source.lastIndexOf('\n', start - 1) + 1;
  const lineEnd = source.indexOf('\n', end);
  const to = lineEnd < 0 ? source.length : lineEnd;
  const after = source.slice(from, start) + text + source.slice(end, to);
  return `${oneLine(source.slice(from, to))} => ${oneLine(after)}`;
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}
