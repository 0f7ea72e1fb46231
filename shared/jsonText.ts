/** What JSON.parse does not tell of a text: how deep it nests, and which numbers it would change. */
import { pointerPart } from './errors.ts';

export type TextFault =
  | { readonly kind: 'depth' }
  /** `literal` is the number as it stands there, `path` a JSON Pointer to it. */
  | { readonly kind: 'number'; readonly literal: string; readonly path: string };

/** A double holds every whole number of so many digits. */
const DIGITS_HELD = 15;

const QUOTE = 34;
const COMMA = 44;
const DOT = 46;
const BACKSLASH = 92;
const PLUS = 43;
const MINUS = 45;
const LETTER_E = 101;
/** Makes a capital letter a small one. */
const SMALL = 32;
const LIST = { opens: 91, closes: 93 };
const OBJECT = { opens: 123, closes: 125 };

/**
 * The first fault of a text that JSON.parse takes; undefined where the value is what the text says. One
 * pass over the letters, 1 to 2 ns each: a walk through the value makes a list of keys for each object.
 */
export function faultInText(text: string, maxDepth: number): TextFault | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (isDigit(code)) {
      const end = endOfNumber(text, at);
      if (!isHeldAt(text, at, end)) {
        return { kind: 'number', literal: text.slice(at, end), path: pathTo(text, at) };
      }
      at = end - 1;
    } else {
      depth += levelsAt(code);
      if (depth > maxDepth) return { kind: 'depth' };
    }
  }
  return undefined;
}

function levelsAt(code: number): number {
  if (code === LIST.opens || code === OBJECT.opens) return 1;
  return code === LIST.closes || code === OBJECT.closes ? -1 : 0;
}

function isHeldAt(text: string, at: number, end: number): boolean {
  const isPlain = end - at <= DIGITS_HELD && endOfDigits(text, at) === end;
  return isPlain || isHeld(text.slice(at, end));
}

/**
 * Whole numbers are held exactly or not at all; decimals are approximations by nature, 0.1 is one. As a
 * program writes a double it is held, too: 2 ** 60 as 1152921504606847000, 24 more than it is.
 */
function isHeld(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  // Not as 0: of 1e-400 nothing would be left.
  if (/[.e]/i.test(literal)) return value !== 0 || !/^[\d.]*[1-9]/.test(literal);
  return String(value) === literal || BigInt(literal) === BigInt(value);
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Where the digits and the point behind them end. */
function endOfDigits(text: string, from: number): number {
  let at = from + 1;
  while (isDigit(text.charCodeAt(at)) || text.charCodeAt(at) === DOT) at++;
  return at;
}

/** Where the number ends; its sign does not matter: what a double holds, it holds of both. */
function endOfNumber(text: string, from: number): number {
  const at = endOfDigits(text, from);
  if ((text.charCodeAt(at) | SMALL) !== LETTER_E) return at;
  const sign = text.charCodeAt(at + 1);
  return endOfDigits(text, sign === PLUS || sign === MINUS ? at + 1 : at);
}

/** Where the quote is that closes the string. */
function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    at += code === BACKSLASH ? 2 : 1;
  }
  return at;
}

/** JSON Pointer to what begins at `end`; looked for only when something is wrong there. */
function pathTo(text: string, end: number): string {
  const path: (string | number)[] = [];
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    const last = path.length - 1;
    if (code === LIST.opens) path.push(0);
    else if (code === OBJECT.opens) path.push('');
    else if (code === LIST.closes || code === OBJECT.closes) path.pop();
    else if (code === COMMA) path[last] = next(path[last]);
    else if (code === QUOTE) {
      const from = at;
      at = endOfString(text, at);
      // A value is followed by no number; what a name is, the next colon or comma shows.
      if (typeof path[last] === 'string') path[last] = JSON.parse(text.slice(from, at + 1));
    }
  }
  return path.map((part) => `/${pointerPart(String(part))}`).join('');
}

function next(part: string | number | undefined): string | number {
  return typeof part === 'number' ? part + 1 : '';
}
