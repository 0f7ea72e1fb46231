/**
 * What a task throws, on its way between threads or processes: as data, and an error again.
 * Structured clone alone would lose names, classes and fields.
 */
import {
  BrokerUnavailableError,
  InvalidRequestError,
  KajeError,
  QueueFullError,
  TaskConflictError,
} from '../../shared/errors.ts';
import { HELD_MAX, heldErrors, isError, messageOf, textOf } from '../../shared/errorText.ts';
import { classNames, setLineage } from '../../shared/retry.ts';
import {
  MaxRetriesExceededError,
  Reject,
  RetryRequest,
  SoftTimeLimitExceeded,
  TaskExpired,
  TaskRevokedError,
  TimeLimitExceeded,
  WorkerLostError,
} from '../../shared/taskErrors.ts';
import { framesOf, PermanentError, typeOf, unreadable } from '../outcome.ts';

export type Packed =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'error'; readonly error: PackedError };

interface PackedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Names of its class and of those above it. */
  readonly lineage: readonly string[];
  /** The class that both sides know. */
  readonly known: string | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Errors inside of it, by the names of their fields. */
  readonly held: Readonly<Record<string, Packed | readonly Packed[]>>;
  /** Why a RetryRequest asks for another run. */
  readonly reason: Packed | undefined;
}

/** Those of which both sides have the same; a class above another stands below it. */
const CLASSES: Readonly<Record<string, abstract new (...args: never[]) => Error>> = {
  AggregateError,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
  MaxRetriesExceededError,
  Reject,
  RetryRequest,
  SoftTimeLimitExceeded,
  TaskExpired,
  TaskRevokedError,
  TimeLimitExceeded,
  WorkerLostError,
  PermanentError,
  BrokerUnavailableError,
  InvalidRequestError,
  QueueFullError,
  TaskConflictError,
  KajeError,
};

/** As deep as a traceback goes, and as many errors in all: one may hold itself. */
const DEEPEST = 5;
const ERRORS_MAX = 30;

/** Anything thrown as data that can always be sent: a run whose end could not be told would never end. */
export function pack(thrown: unknown): Packed {
  try {
    return packed(thrown, { depth: 0, left: { count: ERRORS_MAX } });
  } catch (why) {
    return { kind: 'value', value: unreadable(why) };
  }
}

/** Anything thrown, in a line. */
export function inWords(thrown: unknown): string {
  const sent = pack(thrown);
  return sent.kind === 'value' ? textOf(sent.value) : `${sent.error.name}: ${sent.error.message}`;
}

interface Depth {
  readonly depth: number;
  /** Shared by all that one error holds. */
  readonly left: { count: number };
}

function packed(thrown: unknown, at: Depth): Packed {
  if (!isError(thrown)) return { kind: 'value', value: plain(thrown) };
  at.left.count--;
  const name = typeOf(thrown);
  const message = messageOf(thrown);
  return {
    kind: 'error',
    error: {
      name,
      message,
      stack: `${name}: ${message}${framesOf(thrown)}`,
      lineage: classNames(thrown),
      known: Object.entries(CLASSES).find(([, kind]) => thrown instanceof kind)?.[0],
      fields: fieldsOf(thrown),
      held: heldOf(thrown, at),
      reason: thrown instanceof RetryRequest ? within(at, thrown.options.error) : undefined,
    },
  };
}

function heldOf(error: Error, at: Depth): PackedError['held'] {
  const names = error.name === 'SuppressedError' ? ['cause', 'error', 'suppressed'] : ['cause'];
  const single = names.map((key) => [key, within(at, Reflect.get(error, key))] as const);
  const several = heldErrors(error)
    ?.slice(0, HELD_MAX)
    .map((each) => within(at, each))
    .filter((each) => each !== undefined);
  const all = [...single, ['errors', several] as const];
  return Object.fromEntries(all.filter(([, each]) => each !== undefined)) as PackedError['held'];
}

/** Undefined where there is none, or no room for it. */
function within({ depth, left }: Depth, held: unknown): Packed | undefined {
  if (held === undefined || depth >= DEEPEST || left.count <= 0) return undefined;
  return packed(held, { depth: depth + 1, left });
}

function plain(thrown: unknown): unknown {
  if (isPrimitive(thrown)) return thrown;
  const text = textOf(thrown);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const SEPARATE = new Set(['name', 'message', 'stack', 'cause']);

/**
 * `code`, `status` and the like; not what libraries hang on their errors, sockets and all. Of our
 * own errors also lists and objects, as JSON has them: the wrong fields of a request, say.
 */
function fieldsOf(error: Error): Record<string, unknown> {
  const fields = error instanceof RetryRequest ? askedBy(error) : { ...error };
  const copied = error instanceof KajeError ? jsonCopy : () => undefined;
  const copies = Object.entries(fields)
    .filter(([key]) => !SEPARATE.has(key))
    .map(([key, value]) => [key, isPrimitive(value) ? value : copied(value)] as const);
  return Object.fromEntries(copies.filter(([, copy]) => copy !== undefined));
}

/** Undefined where JSON has no words for it. */
function jsonCopy(value: unknown): unknown {
  try {
    const json = JSON.stringify(value);
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** `error` goes separately. */
function askedBy({ options: { countdown, maxRetries } }: RetryRequest): object {
  return { countdown, maxRetries };
}

function isPrimitive(value: unknown): boolean {
  return value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value);
}

/** What was packed, as the error that it was, as far as both sides know its class. */
export function unpack(packed: Packed): unknown {
  return packed.kind === 'value' ? packed.value : unpackError(packed.error);
}

function unpackError({ name, message, stack, ...rest }: PackedError): Error {
  const error = new Error(message);
  const kind = rest.known === undefined ? undefined : CLASSES[rest.known];
  // Not by its constructor: each takes something else.
  if (kind) Object.setPrototypeOf(error, kind.prototype);
  const hidden = { name, stack, ...unpackHeld(rest.held) };
  for (const [key, value] of Object.entries(hidden)) {
    Object.defineProperty(error, key, { value, writable: true, configurable: true });
  }
  Object.assign(error, error instanceof RetryRequest ? { options: optionsOf(rest) } : rest.fields);
  setLineage(error, rest.lineage);
  return error;
}

function unpackHeld(held: PackedError['held']): Record<string, unknown> {
  const unpacked = Object.entries(held).map(([key, each]) => [
    key,
    'kind' in each ? unpack(each) : each.map(unpack),
  ]);
  return Object.fromEntries(unpacked);
}

function optionsOf({ fields, reason }: Pick<PackedError, 'fields' | 'reason'>): object {
  return reason ? { ...fields, error: unpack(reason) } : fields;
}
