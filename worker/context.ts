/** What a running task sees (`ctx`), and what the steps around it share (`Run`). */
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import type { Teller } from '../shared/clusterEvents.ts';
import type { Log } from '../shared/log.ts';
import { DEFAULT_PRIORITY, type TaskMessage } from '../shared/message.ts';
import type { StoredProgress } from '../shared/results.ts';
import type { RetryPolicy } from '../shared/retry.ts';
import type { SendOptions } from '../shared/sendOptions.ts';
import { isCustomState } from '../shared/states.ts';
import type { Task, TaskContext, TaskLog } from '../shared/task.ts';
import { RetryRequest } from '../shared/taskErrors.ts';
import type { RunIn } from '../shared/taskOptions.ts';
import type { RunLimits } from './limits.ts';
import type { Outcome } from './outcome.ts';
import type { Tools } from './tools.ts';

/** One run of a task on its way through the steps. */
export interface Run {
  readonly task: Task;
  /** Whether this worker has the task at all. */
  readonly isKnown: boolean;
  readonly message: TaskMessage;
  /** Redis key of the task. */
  readonly job: string;
  /** Which start of the task this is, from 1. */
  readonly start: number;
  readonly ctx: TaskContext;
  readonly policy: RetryPolicy;
  readonly limits: RunLimits;
  readonly runIn: RunIn;
  readonly acksLate: boolean;
  /** Largest result in bytes of JSON. */
  readonly resultMaxBytes: number;
  readonly tools: Tools;
  readonly teller: Teller;
  readonly log: Log;
  /** To be called when the work itself begins: time limits count from here. */
  begin: () => void;
  /** Whether it has: what may run once only counts from here. */
  hasBegun: boolean;
  /** Aborts `ctx.signal`: the task should stop. */
  readonly abort: AbortController;
  /** The task must stop: its thread or process is killed, on the main loop it is abandoned. */
  readonly kill: AbortController;
  /** What the task gets: bound and checked. */
  input: unknown;
  /** What the task returned. */
  value: unknown;
  /** What the task, or the check of its input, threw. */
  thrown: unknown;
  /** It was revoked while it runs. */
  isRevoked: boolean;
  /** The worker gave the run up; how it ends is nobody's concern any more. */
  isReleased: boolean;
  outcome: Outcome | undefined;
}

/** A step of a task's life, as in Koa: before `next()` the way in, after it the way out. */
export type Step = (run: Run, next: () => Promise<unknown>) => Promise<void>;

export interface ContextOptions {
  readonly message: TaskMessage;
  readonly retries: number;
  readonly maxRetries: number;
  /** Which start of the task this is; progress of another one is not shown. */
  readonly start: number;
  readonly worker: string;
  readonly signal: AbortSignal;
  readonly taskLog: TaskLog;
  readonly log: Log;
  /** Stores progress and tells those who follow. */
  store(progress: StoredProgress): Promise<unknown>;
  /** Sends a child; resolves with its id. */
  send(name: string, input: object | undefined, options: SendOptions): Promise<string>;
}

/** Progress is stored at most this often; of what comes faster, the last counts. */
const STORE_EVERY_MS = 100;
const META_MAX = 64 * 1024;

/** The task's view of its run, and `end`, after which nothing more is stored or sent. */
export function createContext(options: ContextOptions): { ctx: TaskContext; end(): void } {
  const { message, start, store, log } = options;
  const { id, name, queue, body } = message;
  const reporter = createReporter(start, store, log);
  let hasEnded = false;
  const updateState = (state: string, meta: unknown = null): Promise<void> => {
    if (!isCustomState(state)) {
      throw new TypeError(
        `Expected a state of your own in upper case, such as UPLOADING, and none that Kaje has, got "${state}"`,
      );
    }
    reporter.report(state, checkedMeta(meta));
    // A task that only computes lets go of the event loop here: locks are renewed, news are sent.
    return yieldToLoop();
  };
  const ctx: TaskContext = {
    id,
    name,
    queue,
    args: body.args ?? [],
    kwargs: body.kwargs ?? {},
    retries: options.retries,
    maxRetries: options.maxRetries,
    eta: dateOf(body.eta),
    expires: dateOf(body.expires),
    priority: body.priority ?? DEFAULT_PRIORITY,
    headers: body.headers ?? {},
    tags: body.tags ?? [],
    parentId: body.parent_id ?? null,
    rootId: body.root_id ?? id,
    groupId: null,
    worker: options.worker,
    signal: options.signal,
    log: options.taskLog,
    updateState,
    progress: (meta) => updateState('PROGRESS', meta),
    retry(request) {
      throw new RetryRequest(request);
    },
    async send(child, input, childOptions = {}) {
      // A run that was given up goes on somewhere else: what it still sends would be sent twice.
      if (hasEnded) throw new Error('This run has ended; it sends no more tasks');
      return options.send(child, input, childOptions);
    },
  };
  const end = () => {
    hasEnded = true;
    reporter.end();
  };
  return { ctx, end };
}

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

function createReporter(start: number, store: ContextOptions['store'], log: Log) {
  let latest: StoredProgress | undefined;
  let timer: NodeJS.Timeout | undefined;
  let reports = 0;
  let storedAt = Number.NEGATIVE_INFINITY;
  let hasEnded = false;
  let isStoring = false;

  // One at a time: in an outage those that wait for Redis would fill the memory.
  const flush = async () => {
    timer = undefined;
    if (!latest || hasEnded || isStoring) return;
    const storing = latest;
    storedAt = performance.now();
    isStoring = true;
    await store(storing).catch((error: unknown) =>
      log.debug({ err: error }, 'progress was not stored'),
    );
    isStoring = false;
    if (storing !== latest) schedule();
  };
  const schedule = () => {
    const waitMs = storedAt + STORE_EVERY_MS - performance.now();
    if (waitMs <= 0) void flush();
    else timer ??= setTimeout(flush, waitMs);
  };
  return {
    report(state: string, meta: unknown) {
      latest = { state, meta, start, report: ++reports };
      schedule();
    },
    end() {
      hasEnded = true;
      clearTimeout(timer);
    },
  };
}

function checkedMeta(meta: unknown): unknown {
  const size = Buffer.byteLength(JSON.stringify(meta) ?? '');
  if (size <= META_MAX) return meta;
  throw new RangeError(`Expected progress of at most ${META_MAX} bytes of JSON, got ${size}`);
}
