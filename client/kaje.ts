/** What an application talks to: sends tasks, follows them. */
import { DefinitionError, InvalidRequestError } from '../shared/errors.ts';
import {
  MAX_TASKS,
  type QueueBody,
  type RegistryEntry,
  type SendTaskRequest,
  type WorkerBody,
} from '../shared/protocol.ts';
import type { InputOf, OutputOf, Task } from '../shared/task.ts';
import { AsyncResult } from './result.ts';
import { createHttpTransport } from './transports/http.ts';
import { createRedisTransport } from './transports/redis.ts';
import type { Transport } from './transports/transport.ts';

export type KajeOptions =
  /** Over HTTP: URL of the API. */
  | { readonly url: string; readonly redis?: never }
  /** Straight over Redis; `prefix` as that of the workers. Default: kaje */
  | { readonly redis: string; readonly prefix?: string; readonly url?: never };

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

/** Any tasks: what `Kaje` knows when no type parameter tells it more. */
type AnyTasks = Readonly<
  Record<string, Task<string, Readonly<Record<string, unknown>>, unknown, never>>
>;

/** The tasks among the exports of a module, by their names. */
type TasksOf<Module> = {
  [Key in keyof Module as Module[Key] extends Task<infer Name, infer _Input, infer _Output, never>
    ? Name
    : never]: Module[Key];
};

type NameIn<Module> = keyof TasksOf<Module> & string;
type Input<Module, Name extends NameIn<Module>> = InputOf<TasksOf<Module>[Name]>;
type Output<Module, Name extends NameIn<Module>> = OutputOf<TasksOf<Module>[Name]>;

/** Input may be left out where nothing in it is required. */
type SendArguments<T> =
  Record<never, never> extends T
    ? [input?: T | undefined, options?: SendOptions]
    : [input: T, options?: SendOptions];

/** One of many for `sendTasks`. */
export type Call<Module = AnyTasks> = {
  [Name in NameIn<Module>]: { readonly name: Name; readonly options?: SendOptions } & (Record<
    never,
    never
  > extends Input<Module, Name>
    ? { readonly input?: Input<Module, Name> }
    : { readonly input: Input<Module, Name> });
}[NameIn<Module>];

/**
 * Sends tasks and follows them: `new Kaje<typeof tasks>({ url: 'http://127.0.0.1:8000' })`.
 * The type parameter makes a wrong name or payload a compile error; no code of the tasks is needed.
 */
export class Kaje<Module = AnyTasks> {
  readonly #transport: Transport;

  /** @throws DefinitionError when neither `url` nor `redis` is given */
  constructor(options: KajeOptions) {
    this.#transport = transportOf(options);
  }

  /**
   * Sends a task; resolves when Kaje has stored it.
   * @throws InvalidRequestError for an unknown name or an input that the task's schema refuses
   * @throws TaskConflictError for a task id that is taken by another request
   * @throws BrokerUnavailableError when nothing could be stored
   */
  async sendTask<Name extends NameIn<Module>>(
    name: Name,
    ...[input, options]: SendArguments<Input<Module, Name>>
  ): Promise<AsyncResult<Output<Module, Name>>> {
    const { task_id: id } = await this.#transport.sendTask(requestOf(name, input, options));
    return new AsyncResult(id, this.#transport);
  }

  /** Sends up to 10,000 tasks, all or none; results in the order of the calls. Throws as sendTask. */
  async sendTasks(calls: readonly Call<Module>[]): Promise<AsyncResult[]> {
    if (calls.length > MAX_TASKS) throw tooMany(calls.length);
    const requests = calls.map(({ name, input, options }) => requestOf(name, input, options));
    const sent = await this.#transport.sendTasks(requests);
    return sent.map(({ task_id: id }) => new AsyncResult(id, this.#transport));
  }

  /** A task that was sent before, perhaps by another process. Nothing is read yet. */
  asyncResult<T = unknown>(id: string): AsyncResult<T> {
    return new AsyncResult<T>(id, this.#transport);
  }

  /** The tasks that workers have published, and who serves them now. */
  registry(): Promise<RegistryEntry[]> {
    return this.#transport.registry();
  }

  /** What the queues hold. */
  queues(): Promise<QueueBody[]> {
    return this.#transport.queues();
  }

  /** The workers alive. */
  workers(): Promise<WorkerBody[]> {
    return this.#transport.workers();
  }

  /** Closes the connections; a client over HTTP holds none that keep a process alive. */
  close(): Promise<void> {
    return this.#transport.close();
  }
}

function transportOf(options: KajeOptions): Transport {
  if (options.url !== undefined) return createHttpTransport(options.url);
  if (options.redis !== undefined) return createRedisTransport(options.redis, options.prefix);
  throw new DefinitionError('Expected new Kaje({ url }) or new Kaje({ redis })');
}

function requestOf(name: string, input: unknown, options: SendOptions = {}): SendTaskRequest {
  const {
    args,
    taskId,
    queue,
    countdown,
    eta,
    maxRetries,
    ignoreResult,
    resultExpires,
    headers,
    tags,
  } = options;
  const all = {
    name,
    args,
    kwargs: input,
    task_id: taskId,
    queue,
    countdown,
    eta: eta?.toISOString(),
    max_retries: maxRetries,
    ignore_result: ignoreResult,
    result_expires: resultExpires,
    headers,
    tags,
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  // Whether it is one is checked where it is accepted, with a message for each wrong field.
  return Object.fromEntries(given) as SendTaskRequest;
}

function tooMany(count: number): InvalidRequestError {
  return new InvalidRequestError([
    { path: '/tasks', message: `expected at most ${MAX_TASKS} tasks, got ${count}` },
  ]);
}
