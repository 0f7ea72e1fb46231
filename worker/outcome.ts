/** How a run of a task ended, as data: the consumer maps it to a state in one switch. */
import type { TaskErrorBody } from '../shared/schemas.ts';

export type Outcome =
  | { readonly kind: 'success'; readonly value: unknown }
  | { readonly kind: 'failure'; readonly error: TaskErrorBody }
  | { readonly kind: 'retry'; readonly error: TaskErrorBody; readonly delayMs: number }
  | { readonly kind: 'revoked'; readonly error: TaskErrorBody }
  /** Back to Redis without having run, or without having counted as a run. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly why: string };

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
  if (!(thrown instanceof Error)) {
    const message = clip(textOf(thrown), MESSAGE_MAX);
    return { type: 'Error', message, traceback: `Error: ${message}` };
  }
  const type = typeOf(thrown);
  // Some libraries put objects there.
  const message = clip(textOf(thrown.message), MESSAGE_MAX);
  const frames = framesOf(thrown) + causesOf(thrown.cause);
  return { type, message, traceback: clip(`${type}: ${message}${frames}`, TRACEBACK_MAX) };
}

/** The name that the author gave, else that of the class: `class HttpError extends Error {}`. */
export function typeOf(error: Error): string {
  const name = error.name === 'Error' ? error.constructor.name : error.name;
  return /^[\w$.]+$/.test(name) ? name : 'Error';
}

/**
 * Frames below the task are ours and the same for every task: what matters ends where ours begin.
 * Our folder as traces write it: a path or a URL, of the source or of the build, by the loader.
 */
const OURS =
  /^ +at (?:\S+ \()?(.+)outcome\.[jt]s:/m.exec(new Error().stack ?? '')?.[1] ??
  new URL('.', import.meta.url).pathname;

/** The frames of its stack that are not ours, each on a line of its own. */
export function framesOf(error: Error): string {
  const stack = error.stack ?? '';
  const start = stack.indexOf('\n    at ');
  if (start < 0) return '';
  const frames = stack.slice(start + 1).split('\n');
  const ours = frames.findIndex((frame) => frame.includes(OURS));
  const theirs = ours < 0 ? frames : frames.slice(0, ours);
  // Node's own frames of waiting say nothing about the task.
  const telling = theirs.filter((frame) => !frame.includes('(node:internal/process/'));
  return telling.map((frame) => `\n${frame}`).join('');
}

/** At most five causes: enough for people, and a circle ends. */
function causesOf(cause: unknown, depth = 0): string {
  if (!(cause instanceof Error) || depth === 5) return '';
  const line = `\nCaused by ${typeOf(cause)}: ${clip(textOf(cause.message), MESSAGE_MAX)}`;
  return line + framesOf(cause) + causesOf(cause.cause, depth + 1);
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

function clip(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max)}… (${text.length} characters)`;
}
