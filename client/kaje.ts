/** What an application talks to: sends tasks, follows them. */
import { type EventOf, type EventType, eventTypes } from '../shared/clusterEvents.ts';
import { DefinitionError, InvalidRequestError } from '../shared/errors.ts';
import type { InspectCommand, Inspection } from '../shared/inspection.ts';
import type { ControlCommand, InspectOptions } from '../shared/operate.ts';
import { checkedTarget } from '../shared/redisUrl.ts';
import { checkRoutes } from '../shared/routing.ts';
import { MAX_TASKS } from '../shared/schemas/tasks.ts';
import type {
  AsyncResultBody,
  ControlRequest,
  QueueBody,
  RegistryEntry,
  RevokedTasksBody,
  TaskLimitsRequest,
  WorkerBody,
} from '../shared/schemas.ts';
import { withoutSecrets } from '../shared/secrets.ts';
import { asJson, refuseUnknown, requestOf, type SendOptions } from '../shared/sendOptions.ts';
import type { InputOf, OutputOf, Task } from '../shared/task.ts';
import { clientClosed } from './closed.ts';
import {
  type EventsOptions,
  type KajeOptions,
  type LimitsOptions,
  type RevokeSelection,
  refuseUnknownOf,
} from './options.ts';
import { AsyncResult } from './result.ts';
import { queryOf, type TaskFilter } from './taskFilter.ts';
import { createHttpTransport } from './transports/http.ts';
import { lazyTransport } from './transports/lazy.ts';
import type { Transport } from './transports/transport.ts';

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
  readonly #open: Transport;
  #isClosed = false;

  /**
   * @throws DefinitionError unless either `url` or `redis` is given
   * @throws InvalidRequestError for an option that does not exist
   */
  constructor(options: KajeOptions) {
    this.#open = transportOf(options);
  }

  /**
   * Sends a task; resolves when Kaje has stored it.
   * @throws InvalidRequestError for an unknown name or an input that the task's schema refuses
   * @throws TaskConflictError for a task id that is taken by another request
   * @throws BrokerUnavailableError when it was not stored, or nobody knows: a line that breaks after
   *   the request has left may have taken it along. Sent again with a `taskId`, it is stored once.
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
    const requests = calls.map((call, i) => {
      refuseUnknown(call, CALL_NAMES, 'property of a call', `/tasks/${i}`);
      return requestOf(call.name, call.input, call.options, `/tasks/${i}`);
    });
    const sent = await this.#transport.sendTasks(requests);
    return sent.map(({ task_id: id }) => new AsyncResult(id, this.#transport));
  }

  /** A task that was sent before, perhaps by another process. Nothing is read yet. */
  asyncResult<T = unknown>(id: string): AsyncResult<T> {
    return new AsyncResult<T>(id, this.#transport);
  }

  /**
   * Revokes many tasks: by their ids, by a tag, or by a header that has a value.
   * @throws InvalidRequestError when nothing says which tasks are meant
   */
  async revoke(selection: RevokeSelection): Promise<RevokedTasksBody> {
    const { ids, ...rest } = selection;
    return this.#transport.revokeMany(asJson(ids ? { task_ids: ids, ...rest } : rest));
  }

  /**
   * Changes the limits of a task on all workers, now and for those that start later; null gives one
   * back to the task's own option, 0 takes it away.
   * @throws KajeError NOT_FOUND for a task that no worker has published
   */
  async setLimits(name: NameIn<Module>, limits: LimitsOptions): Promise<TaskLimitsRequest> {
    refuseUnknownOf('setLimits()', limits);
    return this.#transport.setLimits(name, asJson(limitsRequest(limits)));
  }

  /**
   * Tasks, newest first, page by page as the loop goes on: `for await (const task of
   * kaje.tasks({ state: 'FAILURE' }))`. One that moves on meanwhile may come twice or be missed.
   * @throws InvalidRequestError for a filter that makes no sense
   */
  async *tasks(filter: TaskFilter = {}): AsyncGenerator<AsyncResultBody, void> {
    refuseUnknownOf('tasks()', filter);
    const query = queryOf(filter);
    let page = await this.#transport.list(query);
    yield* page.tasks;
    while (page.next_cursor !== null) {
      page = await this.#transport.list({ ...query, cursor: page.next_cursor });
      yield* page.tasks;
    }
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

  /**
   * What happens to tasks and workers from now on, as it happens: `for await (const event of
   * kaje.events({ types: ['task-failed'] }))`. Goes on over outages, but what happens in one is
   * never told: a program that must not miss anything reads the tasks' states.
   * @throws InvalidRequestError for a type that no event has, or an unknown option
   * @throws BrokerUnavailableError when there is nothing to listen to at the start
   */
  events<Type extends EventType = EventType>(
    options: EventsOptions<Type> = {},
  ): AsyncGenerator<EventOf<Type>, void> {
    refuseUnknownOf('kaje.events()', options);
    const { types = [], signal } = options;
    eventTypes(types);
    // Only events of these types come.
    return this.#transport.clusterEvents(types, signal) as AsyncGenerator<EventOf<Type>, void>;
  }

  /**
   * Asks workers about themselves: `kaje.inspect('active')`. Answers are `worker -> answer`; those
   * that did not answer in time are named in `missing`.
   * @throws KajeError NOT_FOUND for a worker that is not alive
   */
  async inspect<Command extends InspectCommand>(
    command: Command,
    options: InspectOptions = {},
  ): Promise<Inspection<Command>> {
    refuseUnknownOf('inspect()', options);
    // What the workers of this command answer.
    return this.#transport.inspect(command, options) as Promise<Inspection<Command>>;
  }

  /**
   * Tells a worker something, and resolves with its answer: `kaje.control('w1', 'pool_grow', { n: 2 })`.
   * @throws KajeError NOT_FOUND for a worker that is not alive
   * @throws WorkerSilentError, CommandRefusedError, InvalidRequestError
   */
  async control(
    worker: string,
    command: ControlCommand,
    args: ControlRequest = {},
  ): Promise<unknown> {
    return this.#transport.control(worker, command, asJson(args));
  }

  /** Keeps all workers from starting tasks of a queue; running ones go on. */
  pauseQueue(name: string): Promise<QueueBody> {
    return this.#transport.pauseQueue(name, true);
  }

  /** Lets workers start tasks of a queue again. */
  resumeQueue(name: string): Promise<QueueBody> {
    return this.#transport.pauseQueue(name, false);
  }

  /** Removes all tasks of a queue that have not started, also those due later, and says how many. */
  purgeQueue(name: string): Promise<number> {
    return this.#transport.purgeQueue(name);
  }

  /**
   * Closes the connections, and ends what waits: loops over events end, and what is under way throws
   * KajeError CLIENT_CLOSED; only sends are let through.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#open.close();
  }

  get #transport(): Transport {
    if (!this.#isClosed) return this.#open;
    throw clientClosed();
  }
}

const CALL_NAMES = { name: true, input: true, options: true } as const;

function transportOf(options: KajeOptions): Transport {
  const { url, redis } = options;
  if (url !== undefined && redis === undefined) {
    refuseUnknownOf('new Kaje({ url })', options);
    return createHttpTransport(url, options.headers);
  }
  if (redis !== undefined && url === undefined) {
    refuseUnknownOf('new Kaje({ redis })', options);
    checkRoutes(options.routes ?? []);
    checkPercent(options.memoryLimit ?? 100);
    const target = checkedTarget(redis, options.tls);
    return lazyTransport(async () => {
      const { createRedisTransport } = await import('./transports/redis.ts');
      return createRedisTransport(target, options);
    });
  }
  throw new DefinitionError(
    `Expected new Kaje({ url }) or new Kaje({ redis }), got url ${url && withoutSecrets(url)} and redis ${redis && '***'}`,
  );
}

function checkPercent(memoryLimit: unknown): void {
  if (typeof memoryLimit === 'number' && memoryLimit >= 1 && memoryLimit <= 100) return;
  throw new DefinitionError(
    `Expected memoryLimit of new Kaje({ redis }) to be a percentage from 1 to 100, got ${String(memoryLimit)}`,
  );
}

function limitsRequest(limits: LimitsOptions): TaskLimitsRequest {
  const { rateLimit, maxConcurrency, timeLimit, softTimeLimit } = limits;
  const all = {
    rate_limit: rateLimit === 0 ? '0' : rateLimit,
    max_concurrency: maxConcurrency,
    time_limit: timeLimit,
    soft_time_limit: softTimeLimit,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function tooMany(count: number): InvalidRequestError {
  return new InvalidRequestError([
    { path: '/tasks', message: `expected at most ${MAX_TASKS} tasks, got ${count}` },
  ]);
}
