/** Over HTTP, by the built-in fetch, which keeps connections alive. */
import { linked } from '../../shared/abort.ts';
import {
  BrokerUnavailableError,
  CommandRefusedError,
  DefinitionError,
  InvalidRequestError,
  KajeError,
  QueueFullError,
  TaskConflictError,
  TaskNotFoundError,
  WorkerSilentError,
  WrongStateError,
} from '../../shared/errors.ts';
import type { TaskEvent } from '../../shared/events.ts';
import type { Inspection } from '../../shared/inspection.ts';
import type {
  AsyncResultBody,
  AttemptBody,
  ProblemBody,
  QueueBody,
  RegistryEntry,
  RevokedTasksBody,
  SentTasksBody,
  TaskLimitsRequest,
  TaskListBody,
  TaskLogsBody,
  WorkerBody,
} from '../../shared/schemas.ts';
import {
  endlessEvents,
  eventsOf,
  pause,
  type SentEvent,
  TRY_AGAIN_MS,
  unlessCut,
} from './streams.ts';
import type { Transport } from './transport.ts';

interface Call {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until a silent API counts as unreachable. Default: SILENT_MS */
  readonly withinMs?: number;
}

/** An API that takes a request and says nothing for so long, beyond any wait asked for, is gone. */
const SILENT_MS = 30_000;
const SILENT_READ_MS = 5_000;
/** Millions of tasks take minutes to remove or to revoke. */
const SILENT_PURGE_MS = 600_000;

/** @param base URL of the API, such as http://127.0.0.1:8000 */
export function createHttpTransport(base: string): Transport {
  const root = rootOf(base);
  const call = (path: string, options: Call = {}) => request(root + path, options);
  const post = async <T>(path: string, body: unknown): Promise<T> =>
    json<T>(await call(path, { method: 'POST', body }));
  const get = async <T>(path: string): Promise<T> => json<T>(await call(path));
  const pathOf = (id: string) => `/v1/tasks/${encodeURIComponent(id)}`;
  const queuePathOf = (name: string) => `/v1/queues/${encodeURIComponent(name)}`;

  const open = (path: string, signal?: AbortSignal, resume: Record<string, string> = {}) => {
    const headers = { accept: 'text/event-stream', ...resume };
    return call(path, { headers, signal, withinMs: Number.POSITIVE_INFINITY });
  };
  /** A stream behind the event `lastId`; undefined when it cannot be had just now. */
  const openBehind = (id: string, lastId: string | undefined, signal?: AbortSignal) => {
    const resume: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId };
    return unlessCut(open(`${pathOf(id)}/events`, signal, resume), signal);
  };

  return {
    sendTask: (body) => post<AsyncResultBody>('/v1/send_task', body),
    async sendTasks(requests) {
      // NDJSON: its limit is by line, so that a large batch of small tasks fits.
      const lines = requests.map((each) => JSON.stringify(each)).join('\n');
      const headers = { 'content-type': 'application/x-ndjson' };
      const response = await call('/v1/send_tasks', { method: 'POST', body: lines, headers });
      return ((await response.json()) as SentTasksBody).tasks;
    },
    async read(id, waitMs, signal) {
      const until = Date.now() + waitMs;
      for (;;) {
        const waitS = Math.max(0, Math.min(60, (until - Date.now()) / 1000));
        const path = `${pathOf(id)}?wait=${waitS}`;
        const withinMs = waitS * 1000 + SILENT_READ_MS;
        const result = await call(path, { signal, withinMs }).then(
          json<AsyncResultBody>,
          retriable(until, signal),
        );
        if (result && (result.ready || Date.now() >= until)) return result;
        if (!result) await pause(TRY_AGAIN_MS, signal);
      }
    },
    async forget(id) {
      await call(pathOf(id), { method: 'DELETE' });
    },
    revoke: (id, terminate) => post<AsyncResultBody>(`${pathOf(id)}/revoke`, { terminate }),
    async revokeMany(selection) {
      const options = { method: 'POST', body: selection, withinMs: SILENT_PURGE_MS };
      return json<RevokedTasksBody>(await call('/v1/revoke', options));
    },
    retry: (id) => post<AsyncResultBody>(`${pathOf(id)}/retry`, undefined),
    async setLimits(task, limits) {
      const path = `/v1/registry/${encodeURIComponent(task)}/limits`;
      return json<TaskLimitsRequest>(await call(path, { method: 'PUT', body: limits }));
    },
    list: (query) => get<TaskListBody>(`/v1/tasks?${new URLSearchParams(query)}`),
    logs: (id, after) => get<TaskLogsBody>(`${pathOf(id)}/logs?after=${after}`),
    async attempts(id) {
      return (await get<{ attempts: AttemptBody[] }>(`${pathOf(id)}/attempts`)).attempts;
    },
    async *events(id, signal) {
      let lastId: string | undefined;
      let isOver = false;
      while (!isOver && !signal?.aborted) {
        const response = await openBehind(id, lastId, signal);
        // 204: all is told.
        isOver = response?.status === 204;
        for await (const event of eventsOf(response, signal)) {
          const told = taskEventOf(event);
          lastId = told.id;
          isOver = told.type !== 'log' && told.result.ready;
          yield told;
        }
        // A stream that was cut goes on from the last event.
        if (!isOver) await pause(TRY_AGAIN_MS, signal);
      }
    },
    async *clusterEvents(types, signal) {
      const path = `/v1/events${types.length > 0 ? `?type=${types.join(',')}` : ''}`;
      for await (const { data } of endlessEvents(() => open(path, signal), signal)) {
        yield JSON.parse(data);
      }
    },
    registry: async () => (await get<{ tasks: RegistryEntry[] }>('/v1/registry')).tasks,
    queues: async () => (await get<{ queues: QueueBody[] }>('/v1/queues')).queues,
    workers: async () => (await get<{ workers: WorkerBody[] }>('/v1/workers')).workers,
    async inspect(command, { workers, timeout }) {
      const query = new URLSearchParams();
      if (workers) query.set('worker', workers.join(','));
      if (timeout !== undefined) query.set('timeout', String(timeout));
      const withinMs = (timeout ?? 0) * 1000 + SILENT_READ_MS;
      const path = `/v1/inspect/${encodeURIComponent(command)}?${query}`;
      return json<Inspection>(await call(path, { withinMs }));
    },
    async control(worker, command, args) {
      const path = `/v1/workers/${encodeURIComponent(worker)}/${encodeURIComponent(command)}`;
      const withinMs = (args.timeout ?? 0) * 1000 + SILENT_READ_MS;
      const response = await call(path, { method: 'POST', body: args, withinMs });
      return (await json<{ answer: unknown }>(response)).answer;
    },
    async pauseQueue(name, isPaused) {
      const path = `${queuePathOf(name)}/${isPaused ? 'pause' : 'resume'}`;
      return json<QueueBody>(await call(path, { method: 'POST' }));
    },
    async purgeQueue(name) {
      const options = { method: 'POST', withinMs: SILENT_PURGE_MS };
      const response = await call(`${queuePathOf(name)}/purge`, options);
      return (await json<{ purged: number }>(response)).purged;
    },
    async close() {},
  };
}

function taskEventOf({ id = '', event, data }: SentEvent): TaskEvent {
  // The contract says what each kind of event carries.
  if (event === 'log') return { id, type: event, line: JSON.parse(data) };
  return { id, type: event === 'progress' ? event : 'state', result: JSON.parse(data) };
}

function rootOf(base: string): string {
  if (URL.canParse(base) && /^https?:/.test(base)) return base.replace(/\/+$/, '');
  throw new DefinitionError(
    `Expected the URL of an API, such as http://127.0.0.1:8000, got "${base}"`,
  );
}

async function request(url: string, call: Call): Promise<Response> {
  const { signal, withinMs = SILENT_MS } = call;
  const { limited, settled } = limit(signal, withinMs);
  let response: Response;
  try {
    response = await fetch(url, { ...initOf(call), ...(limited ? { signal: limited } : {}) });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw unreachable(url, error);
  } finally {
    settled();
  }
  if (response.ok) return response;
  const problem = await json<Partial<ProblemBody>>(response).catch(() => ({}));
  throw errorOf(response.status, problem, url);
}

function initOf({ method = 'GET', body, headers }: Call): RequestInit {
  if (body === undefined) return { method, headers: { ...headers } };
  const payload = typeof body === 'string' ? body : JSON.stringify(body);
  return { method, body: payload, headers: { 'content-type': 'application/json', ...headers } };
}

/** fetch hides the reason one level down. */
function unreachable(url: string, error: unknown): BrokerUnavailableError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  const what = `the API at ${new URL(url).origin} cannot be reached (${reason})`;
  return new BrokerUnavailableError(what, { cause });
}

/** The signal, and besides an end to silence; a stream has none, and is under the signal throughout. */
function limit(signal: AbortSignal | undefined, withinMs: number) {
  if (!Number.isFinite(withinMs)) return { limited: signal, settled: () => undefined };
  const silence = new AbortController();
  const silent = () => silence.abort(new Error(`no answer within ${withinMs / 1000} s`));
  const timer = setTimeout(silent, withinMs);
  const { signal: limited, unlink } = linked(signal, silence.signal);
  const settled = () => {
    clearTimeout(timer);
    unlink();
  };
  return { limited, settled };
}

function errorOf(status: number, problem: Partial<ProblemBody>, url: string): KajeError {
  const code = problem.type?.split(':').at(-1)?.toUpperCase();
  const detail = problem.detail ?? `${url} answered ${status}`;
  if (problem.errors) return new InvalidRequestError(problem.errors);
  if (status === 503) return new BrokerUnavailableError(detail.replace(/^Unavailable: /, ''));
  // The class that it is over Redis, with the sentence as the API has worded it.
  const kind = CLASSES[code ?? ''] ?? KajeError;
  return Reflect.construct(KajeError, [code ?? `HTTP_${status}`, detail], kind);
}

const CLASSES: Readonly<Record<string, NewableFunction>> = {
  TASK_NOT_FOUND: TaskNotFoundError,
  TASK_CONFLICT: TaskConflictError,
  WRONG_STATE: WrongStateError,
  QUEUE_FULL: QueueFullError,
  WORKER_SILENT: WorkerSilentError,
  COMMAND_REFUSED: CommandRefusedError,
};

/** The contract (shared/protocol.ts) says what each path answers. */
async function json<T>(response: Response): Promise<T> {
  return response.json() as Promise<T>;
}

/** While there is time left, an unreachable API is an answer that has not come yet. */
function retriable(until: number, signal: AbortSignal | undefined) {
  return (error: unknown): undefined => {
    const mayRetry =
      error instanceof BrokerUnavailableError && Date.now() < until && !signal?.aborted;
    if (!mayRetry) throw error;
  };
}
