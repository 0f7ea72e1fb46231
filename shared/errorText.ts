/** What an error says, whoever made it: one of another realm, one without a message, one that holds others. */

/** Also one of a `vm` context, of jest, of a library's own: `instanceof` knows only those of this realm. */
export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true;
  if (typeof value !== 'object' || value === null) return false;
  return typeof Reflect.get(value, 'message') === 'string' && 'stack' in value;
}

/** Of an aggregate that holds a million, the first few are told. */
export const HELD_MAX = 10;
/** Of those that stand in for a message. */
const IN_MESSAGE = 3;
const DEEPEST = 3;

/** What V8 says of Promise.any: only the errors inside say why. */
const SAYS_NOTHING = 'All promises were rejected';

/**
 * Its message. Where that is empty or says nothing, what the errors inside say, or its code: Node
 * tells of a refused connection to localhost, which is ::1 and 127.0.0.1, by an AggregateError without words.
 */
export function messageOf(error: Error, depth = 0): string {
  const own = textOf(error.message);
  if ((own !== '' && own !== SAYS_NOTHING) || depth === DEEPEST) return own;
  const held = heldErrors(error) ?? (error.cause === undefined ? [] : [error.cause]);
  const said = held
    .slice(0, IN_MESSAGE)
    .map((each) => (isError(each) ? messageOf(each, depth + 1) : textOf(each)));
  const inside = [...new Set(said)].filter(Boolean).join('; ') || codeOf(error);
  return own && inside ? `${own}: ${inside}` : own || inside;
}

/** Anything thrown, in a sentence for a person. */
export function reasonOf(thrown: unknown): string {
  return isError(thrown) ? messageOf(thrown) || textOf(thrown.name) : textOf(thrown);
}

function codeOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' || typeof code === 'number' ? String(code) : '';
}

/** The errors of an AggregateError, or of a library's error of its kind. */
export function heldErrors(error: Error): readonly unknown[] | undefined {
  const errors: unknown = Reflect.get(error, 'errors');
  if (!Array.isArray(errors)) return undefined;
  return error.name === 'AggregateError' || errors.some(isError) ? errors : undefined;
}

/** Anything as text: what is none as JSON, and what is no JSON as JavaScript would print it. */
export function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return String(thrown);
  }
}
