/** How a program says what a task it sends is to be like; over HTTP the same is said in snake_case. */
import { InvalidRequestError } from './errors.ts';
import { jsonCopy } from './jsonCopy.ts';
import type { SendTaskRequest } from './schemas.ts';
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
 * wrong field. Input and headers are copied as JSON: what cannot be stored must not fail those that
 * are sent in the same write, and over Redis a Date is to arrive as it does over HTTP.
 * @param at JSON Pointer to the call, for the message
 * @throws InvalidRequestError for an unknown option, and for what is no JSON
 */
export function requestOf(
  name: string,
  input: unknown,
  options?: SendOptions,
  at = '',
): SendTaskRequest {
  const kwargs = asJson(input, `${at}/kwargs`);
  // Most have none.
  if (options === undefined) return kwargs === undefined ? { name } : requestWith(name, kwargs);
  refuseUnknown(options, OPTION_NAMES, 'option', at && `${at}/options`);
  const all = {
    name,
    args: asJson(options.args, `${at}/args`),
    kwargs,
    task_id: options.taskId,
    queue: options.queue,
    priority: options.priority,
    countdown: options.countdown,
    eta: inIso(options.eta),
    expires: inIso(options.expires),
    time_limit: options.timeLimit,
    soft_time_limit: options.softTimeLimit,
    max_retries: options.maxRetries,
    ignore_result: options.ignoreResult,
    result_expires: options.resultExpires,
    headers: asJson(options.headers, `${at}/headers`),
    tags: options.tags,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  // Whether it is one is checked where it is accepted.
  return Object.fromEntries(given) as SendTaskRequest;
}

/** Whether the input is an object is checked where it is accepted. */
function requestWith(name: string, kwargs: unknown): SendTaskRequest {
  return { name, kwargs } as SendTaskRequest;
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

function asJson(value: unknown, path: string): unknown {
  if (value === undefined) return undefined;
  try {
    return jsonCopy(value) ?? null;
  } catch (error) {
    // Circles, BigInts, toJSON that throws.
    const reason = error instanceof Error ? error.message.split('\n')[0] : error;
    throw new InvalidRequestError([{ path, message: `is no JSON: ${reason}` }]);
  }
}

/** A date that is none says so by its own text. */
function inIso<T>(value: T | Date): T | string {
  if (!(value instanceof Date)) return value;
  return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
}
