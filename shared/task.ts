/**
 * What a task is: a name, the input it takes, options, and the function that does the work.
 * Clients need only the types of this (`new Kaje<typeof tasks>()`); workers import the values.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DefinitionError } from './errors.ts';
import type { RetryOptions } from './retry.ts';

export interface TaskOptions {
  /** Queue of this task where the call names none. Default: `default`. */
  readonly queue?: string;
  /** Retries of failed runs. Default: none. `{}` means 3 retries with full jitter. */
  readonly retry?: RetryOptions;
  /** Seconds that state and result are kept after the end. Default: the worker's, 1 day. Celery: result_expires. */
  readonly resultExpires?: number;
  /** Keep the state but not the value. Default: false. */
  readonly ignoreResult?: boolean;
  /** One sentence for the registry, the API's docs and `kaje registry`. */
  readonly description?: string;
}

/** Lines that belong to the running task, written by the worker's logger. */
export interface TaskLog {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** What a running task sees of itself: Celery's `self.request`, as `ctx`. */
export interface TaskContext {
  readonly id: string;
  readonly name: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly queue: string;
  /** 0 in the first run. */
  readonly retries: number;
  readonly maxRetries: number;
  readonly eta: Date | null;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly parentId: string | null;
  readonly rootId: string;
  /** Name of the worker that runs it. */
  readonly worker: string;
  /** Aborted when the run should end: pass it on to fetch, timers and streams. */
  readonly signal: AbortSignal;
  readonly log: TaskLog;
  /** Publishes how far the task is: state PROGRESS with `meta`, any JSON up to 64 KiB. */
  progress(meta: unknown): Promise<void>;
  /** Publishes a state of the task's own, upper case such as `UPLOADING`, with `meta`. */
  updateState(state: string, meta?: unknown): Promise<void>;
}

export interface Task<
  Name extends string = string,
  Input = unknown,
  Output = unknown,
  Parsed = Input,
> {
  readonly name: Name;
  readonly options: TaskOptions;
  readonly schema: StandardSchemaV1 | undefined;
  // A method, not a property: so Task<'a', A> is a Task, whatever it takes.
  run(input: Parsed, ctx: TaskContext): Output | Promise<Output>;
  /** Never there at run time; carries the types to the client. */
  readonly '~types'?: { readonly input: Input; readonly output: Output };
}

export type InputOf<T> = T extends Task<string, infer Input, infer _Output, never> ? Input : never;
export type OutputOf<T> =
  T extends Task<string, infer _Input, infer Output, never> ? Output : never;

type Definition<Parsed, Output> = TaskOptions & {
  run(input: Parsed, ctx: TaskContext): Output;
};

// A global symbol, so that two copies of the package know each other's tasks.
const TASK = Symbol.for('kaje.task');

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Defines a task that workers run and clients send by its name.
 * @param name letters, digits, `_`, `.`, `-`; at most 128; unique among the tasks of a worker
 * @param definition options, `input` (any Standard Schema of an object, or none) and `run`, sync or async
 * @throws DefinitionError when a name or an option is wrong
 */
export function defineTask<
  const Name extends string,
  Schema extends StandardSchemaV1<object>,
  Output,
>(
  name: Name,
  definition: Definition<StandardSchemaV1.InferOutput<Schema>, Output> & { input: Schema },
): Task<
  Name,
  StandardSchemaV1.InferInput<Schema>,
  Awaited<Output>,
  StandardSchemaV1.InferOutput<Schema>
>;
export function defineTask<const Name extends string, Input extends object, Output>(
  name: Name,
  definition: Definition<Input, Output>,
): Task<Name, Input, Awaited<Output>>;
export function defineTask(
  name: string,
  definition: Definition<never, unknown> & { input?: StandardSchemaV1 },
): Task<string, never, unknown> {
  const { input: schema, run, ...options } = definition;
  checkDefinition(name, schema, run, options);
  const task: Task<string, never, unknown> = { name, schema, options, run };
  return Object.freeze(Object.defineProperty(task, TASK, { value: true }));
}

/** Whether a value, such as an export of a module, was made by `defineTask`. */
export function isTask(value: unknown): value is Task {
  return typeof value === 'object' && value !== null && TASK in value;
}

function checkDefinition(name: string, schema: unknown, run: unknown, options: TaskOptions): void {
  // JavaScript callers may give no text, which the pattern would read as one.
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new DefinitionError(
      `Expected a task name of letters, digits, "_", "." or "-", got "${name}"`,
    );
  }
  const refuse = (what: string) => {
    throw new DefinitionError(`Task "${name}": expected ${what}`);
  };
  if (typeof run !== 'function') refuse('`run` to be a function');
  if (schema !== undefined && !isStandardSchema(schema)) {
    refuse('`input` to be a Standard Schema, such as one of zod, valibot or arktype');
  }
  const problem = optionProblem(options);
  if (problem !== undefined) refuse(problem);
}

function isStandardSchema(schema: unknown): schema is StandardSchemaV1 {
  const isThing = (typeof schema === 'object' && schema !== null) || typeof schema === 'function';
  return isThing && '~standard' in schema;
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

const OPTION_CHECKS: Readonly<Record<keyof TaskOptions, Check>> = {
  queue: [isQueueName, 'letters, digits, "_", "." or "-"'],
  retry: [(value) => typeof value === 'object' && value !== null, 'an object'],
  resultExpires: [isPositive, 'a positive number of seconds'],
  ignoreResult: [isBoolean, 'a boolean'],
  description: [isText, 'a string'],
};

const RETRY_CHECKS: Readonly<Record<keyof RetryOptions, Check>> = {
  max: [isCount, 'a whole number, 0 or more'],
  delay: [isNotNegative, 'a number of seconds, 0 or more'],
  backoff: [(value) => isNumber(value) && value >= 1, 'a number, 1 or more'],
  maxDelay: [isNotNegative, 'a number of seconds, 0 or more'],
  jitter: [isBoolean, 'a boolean'],
  on: [isClassList, 'a list of error classes'],
  except: [isClassList, 'a list of error classes'],
};

function optionProblem(options: TaskOptions): string | undefined {
  return (
    problemIn(options, OPTION_CHECKS, '') ?? problemIn(options.retry ?? {}, RETRY_CHECKS, 'retry.')
  );
}

function problemIn(
  options: object,
  checks: Readonly<Record<string, Check>>,
  prefix: string,
): string | undefined {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
    if (!check) return `only known options, got \`${prefix}${key}\``;
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

/** Whether a queue may have this name: what Redis keys and URLs take without escapes. */
export function isQueueName(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9_.-]{1,128}$/.test(value);
}
