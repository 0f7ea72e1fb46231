/**
 * What a task is: a name, the input it takes, options, and the function that does the work.
 * Clients need only the types of this (`new Kaje<typeof tasks>()`); workers import the values.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DefinitionError } from './errors.ts';
import type { SendOptions } from './sendOptions.ts';
import type { RetryRequestOptions } from './taskErrors.ts';
import { optionProblem, type TaskOptions } from './taskOptions.ts';

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
  /** When the task was worth nothing any more, had it not been started. */
  readonly expires: Date | null;
  /** 0 to 9, 9 most urgent. */
  readonly priority: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly parentId: string | null;
  readonly rootId: string;
  readonly groupId: string | null;
  /** Name of the worker that runs it. */
  readonly worker: string;
  /** Aborted when the run should end: pass it on to fetch, timers and streams. */
  readonly signal: AbortSignal;
  readonly log: TaskLog;
  /** Publishes how far the task is: state PROGRESS with `meta`, any JSON up to 64 KiB. */
  progress(meta: unknown): Promise<void>;
  /** Publishes a state of the task's own, upper case such as `UPLOADING`, with `meta`. */
  updateState(state: string, meta?: unknown): Promise<void>;
  /** Ends this run and runs the task again, whatever `retry.on` says: `throw ctx.retry({ countdown: 60 })`. */
  retry(options?: RetryRequestOptions): never;
  /**
   * Sends a child of this task, which keeps its root; resolves with the child's id when it is stored.
   * @throws InvalidRequestError, TaskConflictError, QueueFullError
   */
  send(name: string, input?: object, options?: SendOptions): Promise<string>;
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
