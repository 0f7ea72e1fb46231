/** How a run of a task ended, as data: the consumer maps it to a state in one switch. */
import { HELD_MAX, heldErrors, isError, messageOf, textOf } from '../shared/errorText.ts';
import type { TaskErrorBody } from '../shared/schemas.ts';

export type Outcome =
  /** @param json what was returned */
  | { readonly kind: 'success'; readonly json: string }
  | { readonly kind: 'failure'; readonly error: TaskErrorBody }
  | { readonly kind: 'retry'; readonly error: TaskErrorBody; readonly delayMs: number }
  | { readonly kind: 'revoked'; readonly error: TaskErrorBody }
  /** Its own process was lost: it runs again. */
  | { readonly kind: 'lost'; readonly error: TaskErrorBody }
  /** Back to Redis without having run, or without having counted as a run. */
  | {
      readonly kind: 'later';
      readonly delayMs: number;
      readonly why: string;
      /** Called once the task waits in Redis. */
      readonly onceStored?: () => void;
    };

/** A fault that no other run would cure, so no retry policy applies. `type` is what users see. */
export class PermanentError extends Error {
  constructor(type: 'ValidationError' | 'NotRegistered' | 'SerializationError', message: string) {
    super(message);
    this.name = type;
  }
}

/** Text of an error that is stored with each task, so it is bounded. */
const MESSAGE_MAX = 8 * 1024;
const TRACEBACK_MAX = 16 * 1024;

/** What users see of anything thrown. The traceback begins `Type: message`, which results.ts relies on. */
export function describeError(thrown: unknown): TaskErrorBody {
  try {
    return isError(thrown) ? ofError(thrown) : ofText(textOf(thrown));
  } catch (why) {
    return ofText(unreadable(why));
  }
}

function ofError(error: Error): TaskErrorBody {
  const type = typeOf(error);
  const message = clip(messageOf(error), MESSAGE_MAX);
  const frames = framesOf(error) + heldIn(error, new Set([error]));
  return { type, message, traceback: clip(`${type}: ${message}${frames}`, TRACEBACK_MAX) };
}

function ofText(text: string): TaskErrorBody {
  const message = clip(text, MESSAGE_MAX);
  return { type: 'Error', message, traceback: `Error: ${message}` };
}

/**
 * Stands for an error that throws when it is read: a getter, a proxy, an object without words.
 * @param why what it threw, which may be as bad
 */
export function unreadable(why: unknown): string {
  const said = 'An error that cannot be read';
  try {
    return `${said}: ${why}`;
  } catch {
    return said;
  }
}

/** The name that the author gave, else that of the class: `class HttpError extends Error {}`. */
export function typeOf(error: Error): string {
  const name: unknown = error.name === 'Error' ? error.constructor?.name : error.name;
  return typeof name === 'string' && /^[\w$.]+$/.test(name) ? name : 'Error';
}

/** Our folders as traces write them: a path or a URL, of the source or of the build, by the loader. */
const WORKER =
  /^ +at (?:\S+ \()?(.+)outcome\.[jt]s:/m.exec(new Error().stack ?? '')?.[1] ??
  new URL('.', import.meta.url).pathname;
const SHARED = WORKER.replace(/worker\/$/, 'shared/');
/** Who calls tasks, middleware and modules: what is below is the same for all of them. */
const CALLERS = ['steps/', 'pools/entry.', 'load.'].map((file) => WORKER + file);

/** The frames of its stack that are not ours, each on a line of its own. */
export function framesOf(error: Error): string {
  const stack = stackOf(error);
  const start = stack.indexOf('\n    at ');
  if (start < 0) return '';
  const frames = stack.slice(start + 1).split('\n');
  const end = frames.findIndex((frame) => CALLERS.some((caller) => frame.includes(caller)));
  const above = end < 0 ? frames : frames.slice(0, end);
  return above
    .filter(isTelling)
    .map((frame) => `\n${frame}`)
    .join('');
}

/** Not of `ctx.send` and the like, nor Node's own of waiting. */
function isTelling(frame: string): boolean {
  return ![WORKER, SHARED, '(node:internal/process/'].some((part) => frame.includes(part));
}

/** What reads source maps makes it when it is asked for, and throws where a name is no text. */
function stackOf(error: Error): string {
  try {
    return typeof error.stack === 'string' ? error.stack : '';
  } catch {
    return '';
  }
}

/** Errors in one traceback, and how deep: enough for people, and a circle ends. */
const ERRORS_MAX = 20;

/** Why it was thrown, and the errors that it holds, each on a line with its frames below. */
function heldIn(error: Error, told: Set<unknown>): string {
  const errors = heldErrors(error) ?? [];
  const lines = [
    // SuppressedError: what the end of a `using` threw hides what had been thrown before.
    ...['cause', 'error', 'suppressed'].map((key) => heldAs(key, error, told)),
    ...errors
      .slice(0, HELD_MAX)
      .map((each, i) => line(`[${i + 1} of ${errors.length}]`, each, told)),
  ];
  return lines.join('');
}

const LABELS: Readonly<Record<string, string>> = {
  cause: 'Caused by',
  error: 'Thrown then',
  suppressed: 'Thrown before',
};

function heldAs(key: string, error: Error, told: Set<unknown>): string {
  const held: unknown = Reflect.get(error, key);
  const isHeld = isError(held) && (key === 'cause' || error.name === 'SuppressedError');
  return isHeld ? line(LABELS[key] ?? key, held, told) : '';
}

function line(label: string, held: unknown, told: Set<unknown>): string {
  if (told.has(held) || told.size > ERRORS_MAX) return '';
  if (!isError(held)) return `\n${label} ${clip(textOf(held), MESSAGE_MAX)}`;
  told.add(held);
  const said = `${label} ${typeOf(held)}: ${clip(messageOf(held), MESSAGE_MAX)}`;
  return `\n${said}${framesOf(held)}${heldIn(held, told)}`;
}

function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`;
}

/** For JSON.stringify: errors have no properties of their own that it would show. */
export function withErrors(_key: string, value: unknown): unknown {
  return isError(value) ? { ...value, ...describeError(value) } : value;
}
