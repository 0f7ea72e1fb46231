/** A task that was sent, followed by its id: Celery's AsyncResult. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerUnavailableError, ResultTimeoutError, TaskFailedError } from '../shared/errors.ts';
import type { AsyncResultBody, AttemptBody, TaskLogLine } from '../shared/schemas.ts';
import type { TaskState } from '../shared/states.ts';
import {
  type FollowOptions,
  type GetOptions,
  type LogOptions,
  type RevokeOptions,
  refuseUnknownOf,
  requireValue,
} from './options.ts';
import type { Transport } from './transports/transport.ts';

/** The first read of a waiting `get()` lasts at most so long: an outage in it is told, later ones are waited out. */
const FIRST_WAIT_MS = 1000;
/** Each that follows; a timeout cuts the last one short. */
const WAIT_MS = 30_000;
/** Milliseconds between tries in an outage. */
const TRY_AGAIN_MS = 250;

/** Every property but `id` is read from Kaje when it is awaited: `await result.state`. */
export class AsyncResult<Output = unknown> {
  readonly id: string;
  readonly #transport: Transport;

  constructor(id: string, transport: Transport) {
    this.id = id;
    this.#transport = transport;
  }

  /**
   * The task's result, as soon as it is there.
   * @throws TaskFailedError for a task that ended FAILURE or REVOKED, unless `propagate` is false
   * @throws ResultTimeoutError when it is not ready within `timeout` seconds
   * @throws TaskNotFoundError for an id that was never sent, was forgotten, or has expired
   * @throws BrokerUnavailableError in an outage at the beginning, or at the end of `timeout`
   */
  get(options: GetOptions & { readonly propagate: false }): Promise<Output | TaskFailedError>;
  get(options?: GetOptions): Promise<Output>;
  async get(options: GetOptions = {}): Promise<Output | TaskFailedError> {
    refuseUnknownOf('get()', options);
    requireValue('timeout', options.timeout);
    const body = await this.#whenReady(options);
    // The worker ran the task of which Output is the type.
    if (body.successful) return body.result as Output;
    const { type = 'Error', message = body.state, traceback = '' } = body.error ?? {};
    const error = new TaskFailedError(this.id, { type, message, traceback });
    if (options.propagate === false) return error;
    throw error;
  }

  async #whenReady({
    timeout = Number.POSITIVE_INFINITY,
    signal,
  }: GetOptions): Promise<AsyncResultBody> {
    const until = performance.now() + timeout * 1000;
    let state: TaskState | undefined;
    for (;;) {
      signal?.throwIfAborted();
      const maxMs = state === undefined ? FIRST_WAIT_MS : WAIT_MS;
      const waitMs = Math.max(0, Math.min(maxMs, until - performance.now()));
      try {
        const body = await this.#transport.read(this.id, waitMs, signal);
        if (body.ready) return body;
        state = body.state;
      } catch (error) {
        // An outage in the middle of a wait is waited out; one at its beginning is told.
        const isOutage = state !== undefined && error instanceof BrokerUnavailableError;
        if (!isOutage || performance.now() >= until) throw error;
        await sleep(TRY_AGAIN_MS);
      }
      signal?.throwIfAborted();
      if (performance.now() >= until) throw new ResultTimeoutError(this.id, timeout, state);
    }
  }

  /** The whole record, as `GET /v1/tasks/{id}` answers it. */
  get info(): Promise<AsyncResultBody> {
    return this.#transport.read(this.id, 0);
  }

  get state(): Promise<TaskState> {
    return this.info.then(({ state }) => state);
  }

  /** The value of a SUCCESS, the error of a FAILURE or REVOKED, null before the end. */
  get result(): Promise<Output | TaskFailedError | null> {
    return this.info.then((body) => (body.ready ? this.get({ propagate: false }) : null));
  }

  get traceback(): Promise<string | null> {
    return this.info.then(({ error }) => error?.traceback ?? null);
  }

  get dateDone(): Promise<Date | null> {
    return this.info.then(({ date_done }) => (date_done === null ? null : new Date(date_done)));
  }

  get retries(): Promise<number> {
    return this.info.then(({ retries }) => retries);
  }

  /** The tasks that this one has sent. */
  get children(): Promise<AsyncResult[]> {
    return this.info.then(({ children }) =>
      children.map((id) => new AsyncResult(id, this.#transport)),
    );
  }

  /** Whether it has ended, in whatever way. */
  ready(): Promise<boolean> {
    return this.info.then(({ ready }) => ready);
  }

  successful(): Promise<boolean> {
    return this.info.then(({ successful }) => successful);
  }

  failed(): Promise<boolean> {
    return this.info.then(({ failed }) => failed);
  }

  /**
   * Keeps the task from running; one that runs is told to stop by `ctx.signal`.
   * @throws WrongStateError when it has ended
   */
  async revoke(options: RevokeOptions = {}): Promise<void> {
    refuseUnknownOf('revoke()', options);
    const { terminate = false } = options;
    requireValue('terminate', terminate);
    await this.#transport.revoke(this.id, terminate);
  }

  /** Runs a task that failed or was revoked again, under its id; throws WrongStateError for others. */
  async retry(): Promise<void> {
    await this.#transport.retry(this.id);
  }

  /** Removes a finished task with its result. */
  forget(): Promise<void> {
    return this.#transport.forget(this.id);
  }

  /** Each change of state or progress, until the final one: `for await (const { state } of result.events())`. */
  async *events(options: FollowOptions = {}): AsyncGenerator<AsyncResultBody, void> {
    refuseUnknownOf('events()', options);
    for await (const event of this.#transport.events(this.id, options.signal)) {
      if (event.type !== 'log') yield event.result;
    }
  }

  /** Lines that the task has written by `ctx.log`; the last 1,000 are kept. */
  async logs(options: LogOptions = {}): Promise<readonly TaskLogLine[]> {
    refuseUnknownOf('logs()', options);
    const { after = 0 } = options;
    requireValue('after', after);
    return (await this.#transport.logs(this.id, after)).logs;
  }

  /** The same, and each line to come, until the task has ended. */
  async *followLogs(options: LogOptions & FollowOptions = {}): AsyncGenerator<TaskLogLine, void> {
    refuseUnknownOf('followLogs()', options);
    const { after = 0, signal } = options;
    requireValue('after', after);
    for await (const event of this.#transport.events(this.id, signal)) {
      if (event.type === 'log' && event.line.number > after) yield event.line;
    }
  }

  /** The error of each run that failed, the oldest first; the last 10 are kept. */
  attempts(): Promise<AttemptBody[]> {
    return this.#transport.attempts(this.id);
  }
}
