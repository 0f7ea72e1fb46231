/** How a program says what a task it sends is to be like; over HTTP the same is said in snake_case. */
import { type FieldError, InvalidRequestError } from './errors.ts';
import { jsonCopy } from './jsonCopy.ts';
import { NoJsonError } from './noJson.ts';
import { MAX_JSON_DEPTH, type SendTaskRequest } from './schemas.ts';
import { didYouMean } from './suggest.ts';

/** When a task may run: at once, some seconds from now, or at a time; not two of them. */
type Timing =
  | { readonly countdown?: number; readonly eta?: never }
  | { readonly eta?: Date; readonly countdown?: never };

export type SendOptions = Timing & {
  /** Positional arguments, bound to the first properties of the input: for clients without types. */
  readonly args?: readonly unknown[];
  /** Makes the send safe to repeat. Default: a new UUIDv7. */
  readonly taskId?: string;
  /** Default: the task's queue. */
  readonly queue?: string;
  /** 0 to 9, 9 most urgent. Default: the task's, 5. */
  readonly priority?: number;
  /** Seconds from now, or a time: not started by then, it is REVOKED. Default: the task's, no end. */
  readonly expires?: number | Date;
  /** Seconds that a run may take. Default: the task's. */
  readonly timeLimit?: number;
  /** Seconds after which a run is asked to stop. Default: the task's. */
  readonly softTimeLimit?: number;
  /** Default: the task's. */
  readonly maxRetries?: number;
  /** Keep the state but not the value. Default: the task's. */
  readonly ignoreResult?: boolean;
  /** Seconds that the result is kept. Default: the task's. */
  readonly resultExpires?: number;
  /** JSON for the task, read as ctx.headers. */
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
};

/**
 * The request that a call stands for; it is checked where it is accepted, with a message for each
 * wrong field. It is copied as JSON: what cannot be stored must not fail those that are sent in the same
 * write, and over Redis all is to arrive as it does over HTTP.
 * @param at JSON Pointer to the call, for the message
 * @throws InvalidRequestError for an unknown option, and for what is no JSON
 */
export function requestOf(
  name: string,
  input: unknown,
  options?: SendOptions,
  at = '',
): SendTaskRequest {
  // Most have no options.
  if (options === undefined) return asJson(requestWith(name, input), at);
  refuseUnknown(options, OPTION_NAMES, 'option', at && `${at}/options`);
  const all = {
    name,
    args: options.args,
    kwargs: input,
    task_id: options.taskId,
    queue: options.queue,
    priority: options.priority,
    countdown: options.countdown,
    eta: options.eta,
    expires: options.expires,
    time_limit: options.timeLimit,
    soft_time_limit: options.softTimeLimit,
    max_retries: options.maxRetries,
    ignore_result: options.ignoreResult,
    result_expires: options.resultExpires,
    headers: options.headers,
    tags: options.tags,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  // Whether it is one is checked where it is accepted.
  return asJson(Object.fromEntries(given) as SendTaskRequest, at);
}

/** Whether the input is an object is checked where it is accepted. */
function requestWith(name: string, input: unknown): SendTaskRequest {
  return (input === undefined ? { name } : { name, kwargs: input }) as SendTaskRequest;
}

/** Each option once: what is none of them is refused by name, also for callers without types. */
const OPTION_NAMES: Readonly<Record<keyof SendOptions, true>> = {
  args: true,
  taskId: true,
  queue: true,
  priority: true,
  countdown: true,
  eta: true,
  expires: true,
  timeLimit: true,
  softTimeLimit: true,
  maxRetries: true,
  ignoreResult: true,
  resultExpires: true,
  headers: true,
  tags: true,
};

/**
 * @param what what the names are, for the message
 * @param at JSON Pointer to the object
 * @throws InvalidRequestError for the first unknown one
 */
export function refuseUnknown(
  given: object,
  known: Readonly<Record<string, true>>,
  what: string,
  at = '',
): void {
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(known, key));
  if (unknown === undefined) return;
  const message = `unknown ${what} "${unknown}"${didYouMean(unknown, Object.keys(known))}`;
  throw new InvalidRequestError([{ path: `${at}/${unknown}`, message }]);
}

/**
 * A copy of what a caller gives, as JSON has it: dates and all else with a `toJSON` as that says.
 * @param at JSON Pointer to the value, for the message
 * @throws InvalidRequestError for what is no JSON, or nests too deep for the API
 */
export function asJson<T>(value: T, at = ''): T {
  if (value === undefined) return value;
  try {
    // Of undefined, which a toJSON may say, there is nothing left.
    // What JSON has of a T is what the API and workers take for it.
    return (jsonCopy(value, MAX_JSON_DEPTH) ?? null) as T;
  } catch (error) {
    throw new InvalidRequestError([noJsonError(error, at)]);
  }
}

function noJsonError(error: unknown, at: string): FieldError {
  if (error instanceof NoJsonError) {
    const { path, what } = error.found;
    return { path: at + path, message: `expected JSON, got ${what}` };
  }
  // Circles, a toJSON that throws.
  const reason = error instanceof Error ? error.message.split('\n')[0] : error;
  return { path: at, message: `is no JSON: ${reason}` };
}
