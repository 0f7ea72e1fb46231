/** How a program says what a task it sends is to be like; over HTTP the same is said in snake_case. */
import type { SendTaskRequest } from './schemas.ts';

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

/** The request that a call stands for; it is checked where it is accepted, with a message for each wrong field. */
export function requestOf(
  name: string,
  input: unknown,
  options: SendOptions = {},
): SendTaskRequest {
  const all = {
    name,
    args: options.args,
    kwargs: input,
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
    headers: options.headers,
    tags: options.tags,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  // Whether it is one is checked where it is accepted.
  return Object.fromEntries(given) as SendTaskRequest;
}

/** A date that is none says so by its own text. */
function inIso<T>(value: T | Date): T | string {
  if (!(value instanceof Date)) return value;
  return Number.isNaN(value.getTime()) ? String(value) : value.toISOString();
}
