/**
 * The options of a task, and what makes them good: checked once, where a task is defined, so that a typo
 * stops the start of a worker and not the first run at night.
 */

import { isRateLimit } from './rate.ts';
import type { RetryOptions } from './retry.ts';
import { queueName } from './schemas/parts.ts';
import { MAX_COUNTDOWN } from './schemas/tasks.ts';
import { didYouMean } from './suggest.ts';

/** Where a task runs: on the worker's own event loop, or in a thread or a process that can be killed. */
export type RunIn = 'main' | 'thread' | 'process';

export interface UniqueOptions {
  /** Properties of the input that make two tasks equal. Default: the whole input. */
  readonly key?: readonly string[];
  /** Seconds after which an equal task may be queued all the same. Default: 3600 */
  readonly ttl?: number;
}

export interface TaskOptions {
  /** Queue of this task where the call names none. Default: `default`. */
  readonly queue?: string;
  /** 0 to 9, 9 most urgent. Default: 5 */
  readonly priority?: number;
  /** Seconds after the send within which the task must start, or it is REVOKED. Default: no end. */
  readonly expires?: number;
  /** Retries of failed runs. Default: none. `{}` means 3 retries with full jitter. */
  readonly retry?: RetryOptions;
  /** Seconds that a run may take; then it is ended, FAILURE TimeLimitExceeded. Default: the worker's, no limit. */
  readonly timeLimit?: number;
  /** Seconds after which `ctx.signal` is aborted, so that the run may clean up. Default: the worker's, no limit. */
  readonly softTimeLimit?: number;
  /** Starts over the whole cluster, `10/s`, `100/m`, `1000/h`. Default: no limit. Celery: rate_limit, of each worker */
  readonly rateLimit?: string;
  /** Runs at once over the whole cluster. Default: no limit. */
  readonly maxConcurrency?: number;
  /** Keeps a second equal task from being queued while the first has not ended. Default: off. */
  readonly unique?: UniqueOptions;
  /** Default: the worker's, `main`. */
  readonly runIn?: RunIn;
  /** false: at most once, a task whose worker is lost is FAILURE WorkerLostError. Default: true, at least once. */
  readonly acksLate?: boolean;
  /** Seconds that state and result are kept after the end. Default: the worker's, 1 day. Celery: result_expires. */
  readonly resultExpires?: number;
  /** Keep the state but not the value. Default: false. */
  readonly ignoreResult?: boolean;
  /** One sentence for the registry, the API's docs and `kaje registry`. */
  readonly description?: string;
}

const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isPositive = (value: unknown) => isNumber(value) && value > 0;
const isNotNegative = (value: unknown) => isNumber(value) && value >= 0;
const isCount = (value: unknown) => Number.isInteger(value) && isNotNegative(value);
const isBoolean = (value: unknown) => typeof value === 'boolean';
const isText = (value: unknown) => typeof value === 'string';
const isClassList = (value: unknown) =>
  Array.isArray(value) && value.every((item) => typeof item === 'function');

type Check = readonly [test: (value: unknown) => boolean, expected: string];

const isObject = (value: unknown) => typeof value === 'object' && value !== null;
const isSeconds: Check = [isPositive, 'a positive number of seconds'];

const OPTION_CHECKS: Readonly<Record<keyof TaskOptions, Check>> = {
  queue: [isQueueName, 'a name of letters, digits, "_", "." or "-", not "." or ".."'],
  priority: [isPriority, 'a whole number from 0 to 9'],
  expires: [
    (value) => isPositive(value) && Number(value) <= MAX_COUNTDOWN,
    'a positive number of seconds, at most ten years',
  ],
  retry: [isObject, 'an object'],
  timeLimit: isSeconds,
  softTimeLimit: isSeconds,
  rateLimit: [isRateLimit, 'a rate such as 10/s, 100/m or 1000/h'],
  maxConcurrency: [(value) => isCount(value) && value !== 0, 'a whole number, 1 or more'],
  unique: [isObject, 'an object'],
  runIn: [
    (value) => value === 'main' || value === 'thread' || value === 'process',
    'main, thread or process',
  ],
  acksLate: [isBoolean, 'a boolean'],
  resultExpires: isSeconds,
  ignoreResult: [isBoolean, 'a boolean'],
  description: [isText, 'a string'],
};

const RETRY_CHECKS: Readonly<Record<keyof RetryOptions, Check>> = {
  max: [isCount, 'a whole number, 0 or more'],
  delay: [isNotNegative, 'a number of seconds, 0 or more'],
  backoff: [(value) => isNumber(value) && value >= 1, 'a number, 1 or more'],
  maxDelay: [
    (value) => isNotNegative(value) && Number(value) <= MAX_COUNTDOWN,
    'a number of seconds, 0 to ten years',
  ],
  jitter: [isBoolean, 'a boolean'],
  on: [isClassList, 'a list of error classes'],
  except: [isClassList, 'a list of error classes'],
};

const UNIQUE_CHECKS: Readonly<Record<keyof UniqueOptions, Check>> = {
  key: [(value) => Array.isArray(value) && value.every(isText), 'a list of property names'],
  ttl: isSeconds,
};

/** What is wrong with the options of a task, in words; undefined for good ones. */
export function optionProblem(options: TaskOptions): string | undefined {
  return (
    problemIn(options, OPTION_CHECKS, '') ??
    problemIn(options.retry ?? {}, RETRY_CHECKS, 'retry.') ??
    problemIn(options.unique ?? {}, UNIQUE_CHECKS, 'unique.') ??
    limitsProblem(options.softTimeLimit, options.timeLimit)
  );
}

/** Why these two limits cannot stand together; undefined when they can. */
export function limitsProblem(
  soft: number | undefined,
  hard: number | undefined,
): string | undefined {
  if (soft === undefined || hard === undefined || soft < hard) return undefined;
  return `the soft time limit to be below the hard one, got ${soft} s and ${hard} s`;
}

/** Whether a value is a priority. */
export function isPriority(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 9;
}

function problemIn(
  options: object,
  checks: Readonly<Record<string, Check>>,
  prefix: string,
): string | undefined {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (!check) {
      const known = Object.keys(checks).map((name) => `${prefix}${name}`);
      return `only known options, got \`${prefix}${key}\`${didYouMean(`${prefix}${key}`, known)}`;
    }
    if (!check[0](value)) return `\`${prefix}${key}\` to be ${check[1]}, got ${inWords(value)}`;
  }
  return undefined;
}

/** A wrong value for a message: JSON has no words for functions, bigints and the like. */
function inWords(value: unknown): string {
  if (typeof value === 'function') return `the function ${value.name}`;
  return typeof value === 'object' || typeof value === 'string'
    ? JSON.stringify(value)
    : String(value);
}

const QUEUE_NAME = new RegExp(queueName.pattern);

/** Whether a queue may have this name. */
export function isQueueName(value: unknown): boolean {
  return typeof value === 'string' && QUEUE_NAME.test(value);
}
