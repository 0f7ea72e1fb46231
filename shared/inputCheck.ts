/**
 * The check of an input by the schema of its task, within a bounded time. The schemas of the contract take
 * time in proportion; what a task's own may take nobody knows: a pattern such as `^(a+)+$` doubles it with
 * each letter, a choice that contains itself with each level, `uniqueItems` takes the square.
 */
import { createContext, Script } from 'node:vm';
import type { FieldError } from './errors.ts';
import { isLarge } from './size.ts';
import { check } from './validation.ts';

/** Milliseconds that a check may take. */
const WITHIN_MS = 100;
/** Parts of an input, or letters of one text, to which a schema of moderate risk is left alone. */
const SMALL = 500;
/** Levels of an input to which a choice that contains itself is left alone. */
const SHALLOW = 8;
/** Kinds of a choice that may all be tried at each place of a large input. */
const CHOICES = 20;

/**
 * What is wrong with the input of a task, at most 20; also that nobody knows within 100 ms. By a schema that
 * cannot be read, such as one with a reference to nowhere, the worker alone checks.
 */
export function checkInput(schema: object, input: unknown): readonly FieldError[] {
  if (riskOf(schema) === 'unreadable') return [];
  return isRisky(schema, input) ? checkInTime(schema, input) : check(schema, input);
}

/** To watch the time takes a thread, 0.1 to 0.3 ms: what cannot take long goes without. */
function isRisky(schema: object, input: unknown): boolean {
  switch (riskOf(schema)) {
    case 'none':
      return false;
    case 'size':
      return isLarge(input, SMALL) || hasMore(input, SMALL, SHALLOW);
    default:
      return true;
  }
}

const context = createContext({ work: undefined });
const script = new Script('work()');

function checkInTime(schema: object, input: unknown): readonly FieldError[] {
  let errors: readonly FieldError[] = [];
  context.work = () => {
    errors = check(schema, input);
  };
  try {
    script.runInContext(context, { timeout: WITHIN_MS });
    return errors;
  } catch (error) {
    if (!isTimeout(error)) throw error;
    const message = `takes longer than ${WITHIN_MS} ms to check by the schema of the task: send less of it`;
    return [{ path: '', message }];
  } finally {
    context.work = undefined;
  }
}

function isTimeout(error: unknown): boolean {
  // Made in the context, it is no Error of ours.
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
}

/** Whether a text or a name has more letters, or the value more levels. */
function hasMore(value: unknown, letters: number, levels: number): boolean {
  if (typeof value === 'string') return value.length > letters;
  if (typeof value !== 'object' || value === null) return false;
  const isLong = (name: string) => name.length > letters;
  if (levels === 0 || Object.keys(value).some(isLong)) return true;
  return Object.values(value).some((each) => hasMore(each, letters, levels - 1));
}

/** Whether its time grows faster than the input: with its size, or even for a small one. */
type Risk = 'none' | 'size' | 'any';

const risks = new WeakMap<object, Risk | 'unreadable'>();

function riskOf(schema: object): Risk | 'unreadable' {
  const known = risks.get(schema);
  if (known) return known;
  const risk = isReadable(schema) ? riskIn(schema) : 'unreadable';
  risks.set(schema, risk);
  return risk;
}

/** Compiles it as well, which is no fault of the request that is checked first. */
function isReadable(schema: object): boolean {
  try {
    check(schema, undefined);
    return true;
  } catch {
    return false;
  }
}

function riskIn(part: unknown): Risk {
  if (typeof part !== 'object' || part === null) return 'none';
  const entries = Object.entries(part);
  const own = entries.map(([keyword, value]) => riskOfKeyword(keyword, value, part));
  const inner = entries.map(([, value]) => riskIn(value));
  const all = [...own, ...inner];
  return all.find((each) => each === 'any') ?? all.find((each) => each === 'size') ?? 'none';
}

function riskOfKeyword(keyword: string, value: unknown, part: object): Risk {
  switch (keyword) {
    case 'pattern':
      return riskOfPatternIn(part, String(value));
    case 'format':
      // Its pattern tries each colon as the end of a login.
      return value === 'url' ? 'size' : 'none';
    case 'patternProperties':
      return 'any';
    case 'anyOf':
    case 'oneOf':
      return Array.isArray(value) && value.length > CHOICES ? 'size' : 'none';
    case 'uniqueItems':
    case '$ref':
    case '$dynamicRef':
      return 'size';
    default:
      return 'none';
  }
}

/** Beside a format it is the library's own, and doubles nothing; zod's `endsWith` takes the square, though. */
function riskOfPatternIn(part: object, pattern: string): Risk {
  const risk = riskOfPattern(pattern);
  return risk === 'any' && 'format' in part ? 'size' : risk;
}

/** A repeated group that repeats or chooses inside, and three repetitions in a row, take very long. */
function riskOfPattern(pattern: string): Risk {
  const plain = pattern.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/g, 'x');
  const isNested = /[*+|}?][^()]*\)+[*+{]/.test(plain);
  // A hundred times and more is as good as without end.
  const inside = plain.match(/[*+]|\{\d+,\}|\{[\d,]*\d{3}\}/g)?.length ?? 0;
  const repetitions = isAnchored(plain) ? inside : inside + 1;
  return isNested || repetitions > 2 ? 'any' : repetitions === 2 ? 'size' : 'none';
}

/** Any other is tried from each letter on, as if `.*` stood before it. */
function isAnchored(plain: string): boolean {
  let outside = plain;
  for (let before = ''; before !== outside; ) {
    before = outside;
    outside = before.replaceAll(/\([^()]*\)/g, 'x');
  }
  return outside.startsWith('^') && !outside.includes('|');
}
