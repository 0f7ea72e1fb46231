/** Over HTTP: which path each call is. */
import { setMaxListeners } from 'node:events';
import { linked } from '../../shared/abort.ts';
import { KajeError, TaskNotFoundError } from '../../shared/errors.ts';
import type { TaskEvent } from '../../shared/events.ts';
import type { Inspection } from '../../shared/inspection.ts';
import { inspectWorkers } from '../../shared/operate.ts';
import type {
  AsyncResultBody,
  AttemptBody,
  QueueBody,
  RegistryEntry,
  RevokedTasksBody,
  SentTasksBody,
  TaskLimitsRequest,
  TaskListBody,
  TaskLogsBody,
  WorkerBody,
} from '../../shared/schemas.ts';
import { clientClosed } from '../closed.ts';
import { addressOf, checkedHeaders } from './address.ts';
import { type Call, openStream, request } from './request.ts';
import { type SentEvent, unbrokenEvents } from './streams.ts';
import type { Transport } from './transport.ts';

/** Milliseconds of silence beyond the wait that was asked for. */
const SILENT_READ_MS = 5_000;
/** Millions of tasks take minutes to remove or to revoke; fetch itself gives up at 300 s. */
const SILENT_PURGE_MS = 290_000;
/** Seconds that the API lets a request wait. */
const WAIT_MAX = 60;

/**
 * @param base URL of the API, such as http://127.0.0.1:8000
 * @param given headers of each request
 */
export function createHttpTransport(
  base: string,
  given: Readonly<Record<string, string>> = {},
): Transport {
  const { root, headers: login } = addressOf(base);
  const always = { ...login, ...checkedHeaders(given) };
  const withHeaders = (options: Call): Call => ({
    ...options,
    headers: { ...always, ...options.headers },
  });
  // What waits ends with the client, or it would keep its process alive.
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const call = async <T>(path: string, options: Call = {}): Promise<T> => {
    const either = linked(options.signal, closing.signal);
    try {
      return await request<T>(root + path, { ...withHeaders(options), signal: either.signal });
    } finally {
      either.unlink();
    }
  };
  // A send that has left is not cut short: its sender would not know whether it is stored.
  const send = <T>(path: string, options: Call) =>
    request<T>(root + path, { method: 'POST', ...withHeaders(options) });
  const post = <T>(path: string, body?: unknown) => call<T>(path, { method: 'POST', body });
  const open = (path: string, signal?: AbortSignal, resume: Record<string, string> = {}) => {
    const headers = { ...always, accept: 'text/event-stream', ...resume };
    return openStream(root + path, { headers, signal });
  };
  const pathOf = (id: string) => `/v1/tasks/${pathPart(id, () => new TaskNotFoundError(id))}`;
  const queuePathOf = (name: string) => `/v1/queues/${pathPart(name, () => noQueue(name))}`;

  return {
    sendTask: (body) => send<AsyncResultBody>('/v1/send_task', { body }),
    async sendTasks(requests) {
      // NDJSON: its limit is by line, so that a large batch of small tasks fits.
      const body = requests.map((each) => JSON.stringify(each)).join('\n');
      const headers = { 'content-type': 'application/x-ndjson' };
      return (await send<SentTasksBody>('/v1/send_tasks', { body, headers })).tasks;
    },
    async read(id, waitMs, signal) {
      const wait = Math.min(WAIT_MAX, waitMs / 1000);
      const options = { signal, withinMs: patienceMs(wait) };
      return call<AsyncResultBody>(`${pathOf(id)}?wait=${wait}`, options);
    },
    forget: async (id) => call<void>(pathOf(id), { method: 'DELETE' }),
    revoke: async (id, terminate) => post<AsyncResultBody>(`${pathOf(id)}/revoke`, { terminate }),
    revokeMany(body) {
      const withinMs = SILENT_PURGE_MS;
      return call<RevokedTasksBody>('/v1/revoke', { method: 'POST', body, withinMs });
    },
    retry: async (id) => post<AsyncResultBody>(`${pathOf(id)}/retry`),
    setLimits(task, body) {
      const path = `/v1/registry/${encodeURIComponent(task)}/limits`;
      return call<TaskLimitsRequest>(path, { method: 'PUT', body });
    },
    list: (query) => call<TaskListBody>(`/v1/tasks?${new URLSearchParams(query)}`),
    logs: async (id, after) => call<TaskLogsBody>(`${pathOf(id)}/logs?after=${after}`),
    async attempts(id) {
      return (await call<{ attempts: AttemptBody[] }>(`${pathOf(id)}/attempts`)).attempts;
    },
    async *events(id, signal) {
      let lastId: string | undefined;
      const either = linked(signal, closing.signal);
      // A stream that was cut goes on from the last event.
      const openBehind = () => {
        const resume = lastId === undefined ? {} : { 'last-event-id': lastId };
        return open(`${pathOf(id)}/events`, either.signal, resume);
      };
      try {
        for await (const event of unbrokenEvents(openBehind, either.signal)) {
          const told = taskEventOf(event);
          lastId = told.id;
          yield told;
          if (told.type !== 'log' && told.result.ready) return;
        }
      } finally {
        either.unlink();
      }
    },
    async *clusterEvents(types, signal) {
      const path = `/v1/events${types.length > 0 ? `?type=${types.join(',')}` : ''}`;
      const either = linked(signal, closing.signal);
      try {
        const openAgain = () => open(path, either.signal);
        for await (const { data } of unbrokenEvents(openAgain, either.signal)) {
          yield JSON.parse(data);
        }
      } finally {
        either.unlink();
      }
    },
    registry: async () => (await call<{ tasks: RegistryEntry[] }>('/v1/registry')).tasks,
    queues: async () => (await call<{ queues: QueueBody[] }>('/v1/queues')).queues,
    workers: async () => (await call<{ workers: WorkerBody[] }>('/v1/workers')).workers,
    inspect(command, options) {
      const { workers, timeout } = options;
      // A list in a URL cannot be empty; what is asked of nobody is checked all the same.
      if (workers?.length === 0) return inspectWorkers(NOBODY, command, options);
      const query = new URLSearchParams();
      if (workers) query.set('worker', workers.join(','));
      if (timeout !== undefined) query.set('timeout', String(timeout));
      const path = `/v1/inspect/${encodeURIComponent(command)}?${query}`;
      return call<Inspection>(path, { withinMs: patienceMs(timeout) });
    },
    async control(worker, command, body) {
      const path = `/v1/workers/${pathPart(worker, () => noWorker(worker))}/${encodeURIComponent(command)}`;
      const options = { method: 'POST', body, withinMs: patienceMs(body.timeout) };
      return (await call<{ answer: unknown }>(path, options)).answer;
    },
    pauseQueue: async (name, isPaused) =>
      post<QueueBody>(`${queuePathOf(name)}/${isPaused ? 'pause' : 'resume'}`),
    async purgeQueue(name) {
      const options = { method: 'POST', withinMs: SILENT_PURGE_MS };
      return (await call<{ purged: number }>(`${queuePathOf(name)}/purge`, options)).purged;
    },
    async close() {
      closing.abort(clientClosed());
    },
  };
}

/** A name as a part of a path. What URLs cannot carry, or take for a folder, is the name of nothing. */
function pathPart(name: string, missing: () => KajeError): string {
  // A half of a letter, of two in UTF-16, has no form in UTF-8.
  if (/^\.{0,2}$/.test(name) || /\p{Surrogate}/u.test(name)) throw missing();
  return encodeURIComponent(name);
}

const noQueue = (name: string) => new KajeError('NOT_FOUND', `No queue "${name}"`);
const noWorker = (name: string) => new KajeError('NOT_FOUND', `No worker "${name}" is alive`);

/** For an answer that was asked for within so many seconds; whether those make sense, the API says. */
function patienceMs(seconds = 0): number {
  return (seconds > 0 ? Math.min(seconds, WAIT_MAX) : 0) * 1000 + SILENT_READ_MS;
}

const NOBODY = {
  ask: async () => ({ byWorker: new Map(), missing: [] }),
  workers: async () => [],
};

function taskEventOf({ id = '', event, data }: SentEvent): TaskEvent {
  // The contract says what each kind of event carries.
  if (event === 'log') return { id, type: event, line: JSON.parse(data) };
  return { id, type: event === 'progress' ? event : 'state', result: JSON.parse(data) };
}
