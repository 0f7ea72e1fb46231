/** Finds what can be changed in our Lua scripts, by their text: they are laid out by one hand. */
import { type Change, isName, type Kind, OPERATORS, otherNumber } from './mutation.ts';

type Found = readonly [start: number, length: number, text: string];

export function changesOfLua(source: string): Change[] {
  const code = withoutText(source);
  return Object.entries(FINDERS).flatMap(([kind, finders]) =>
    finders.flatMap((find) =>
      find(code, source).map(([start, length, text]) => ({
        kind: kind as Kind, // A key of FINDERS is one.
        start,
        end: start + length,
        text,
      })),
    ),
  );
}

/** The same length, with blanks for comments and `_` for what strings say. */
function withoutText(source: string): string {
  return source
    .replaceAll(/--[^\n]*/g, (comment) => ' '.repeat(comment.length))
    .replaceAll(/(['"])[^'"\n]*\1/g, (text, quote) => quote + '_'.repeat(text.length - 2) + quote);
}

type Finder = (code: string, source: string) => Found[];

function finder(
  pattern: RegExp,
  change: (match: RegExpExecArray, source: string) => Found | undefined,
): Finder {
  return (code, source) =>
    [...code.matchAll(pattern)]
      .map((match) => change(match, source))
      .filter((found) => found !== undefined);
}

/** A call that stands as a statement: from its line's start to the line where its brackets are closed. */
const removedCalls: Finder = (code) =>
  [...code.matchAll(/^[ \t]*(?!return\b)[\w.]+\(/gm)].flatMap((match) => {
    const end = closing(code, match.index + match[0].length);
    const isStatement = /^[ \t]*(\n|$)/.test(code.slice(end));
    const isContinued = /[(,={]\s*$/.test(code.slice(0, match.index));
    return isStatement && !isContinued ? [[match.index, end - match.index, ''] as const] : [];
  });

function closing(code: string, from: number): number {
  let at = from;
  for (let open = 1; open > 0 && at < code.length; at++) {
    if (code[at] === '(') open++;
    if (code[at] === ')') open--;
  }
  return at;
}

const negated = finder(/\b(?:if|elseif|while) ([^\n]+?) (?:then|do)\b/g, (match, source) => {
  const start = match.index + match[0].indexOf(' ') + 1;
  const { length } = match[1] ?? '';
  return [start, length, `not (${source.slice(start, start + length)})`];
});

const swapped = (pattern: RegExp, others: Readonly<Record<string, string>>): Finder =>
  finder(pattern, ({ index, 1: before = '', 2: word = '' }) => {
    const other = others[word];
    return other === undefined ? undefined : [index + before.length, word.length, other];
  });

const names: Finder = (code, source) =>
  [...code.matchAll(/['"](_+)['"]/g)].flatMap(({ index, 1: blank = '' }) => {
    const text = source.slice(index + 1, index + 1 + blank.length);
    // A command that Redis does not know is noticed by anything.
    return isName(text) && text !== text.toUpperCase()
      ? [[index + 1, text.length, `${text}~`] as const]
      : [];
  });

const numbers = finder(/(?<![\w.])\d+(?![\w.])/g, ({ index, 0: digits }) => [
  index,
  digits.length,
  otherNumber(Number(digits)),
]);

const returns = finder(/\bthen(\s+)(return\b[^\n]*?)(?=\s+end\b)/g, (match) => {
  const { index, 1: space = '', 2: statement = '' } = match;
  return [index + 'then'.length + space.length, statement.length, ''];
});

const FINDERS: Partial<Record<Kind, readonly Finder[]>> = {
  'call removed': [removedCalls],
  'condition negated': [
    negated,
    swapped(/( )(and|or)(?= )/g, { and: 'or', or: 'and' }),
    swapped(/( )(==|~=)(?= )/g, { '==': '~=', '~=': '==' }),
    swapped(/(\b)(true|false)\b/g, { true: 'false', false: 'true' }),
  ],
  'bound or arithmetic': [swapped(/( )(<=|>=|<|>|\+|-|\*|\/)(?= )/g, OPERATORS)],
  constant: [numbers, names],
  'return removed': [returns],
};
