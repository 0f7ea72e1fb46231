/** What a running task sees (`ctx`), and what the steps around it share (`Run`). */
import { setImmediate as yieldToLoop } from 'node:timers/promises';
import type { ClusterEvent, Teller } from '../shared/clusterEvents.ts';
import type { Log } from '../shared/log.ts';
import { DEFAULT_PRIORITY, type TaskMessage } from '../shared/message.ts';
import { toJson } from '../shared/noJson.ts';
import type { StoredProgress } from '../shared/results.ts';
import type { RetryPolicy } from '../shared/retry.ts';
import type { SendOptions } from '../shared/sendOptions.ts';
import { isCustomState } from '../shared/states.ts';
import type { Task, TaskContext, TaskLog } from '../shared/task.ts';
import { RetryRequest, type RetryRequestOptions } from '../shared/taskErrors.ts';
import type { RunIn } from '../shared/taskOptions.ts';
import type { Cancel } from './cancel.ts';
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
  /** Losses of workers charged to the task: one that has any runs apart from all others. */
  readonly losses: number;
  readonly acksLate: boolean;
  /** Largest result in bytes of JSON. */
  readonly resultMaxBytes: number;
  readonly tools: Tools;
  readonly teller: Teller;
  readonly log: Log;
  /** To be awaited right before the work begins, where there is such a thing: marks what may run once only. */
  acknowledge: (() => Promise<unknown>) | undefined;
  /** To be called when the work itself begins: time limits count from here. */
  begin: () => void;
  /** Whether it has: what may run once only counts from here. */
  hasBegun: boolean;
  /** Whether it runs in a process of its own, whatever its `runIn`: it was lost with a worker. */
  isApart: boolean;
  /** Aborts `ctx.signal`: the task should stop. */
  readonly abort: Cancel;
  /** The task must stop: its thread or process is killed, on the main loop it is abandoned. */
  readonly kill: Cancel;
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
  /** To be told when the outcome is stored. */
  endEvent: ClusterEvent | undefined;
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
  readonly abort: Cancel;
  taskLog(): TaskLog;
  log(): Log;
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
  const ctx = new Context(options);
  return { ctx, end: () => ctx[END]() };
}

const END = Symbol('end');

/**
 * A class for its getters: in an object literal each would be made anew for each run, which was a
 * fifth of a worker's time. Functions that a task may take out of it belong to the object.
 */
class Context implements TaskContext {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly retries: number;
  readonly maxRetries: number;
  readonly eta: Date | null;
  readonly expires: Date | null;
  readonly priority: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly parentId: string | null;
  readonly rootId: string;
  readonly groupId = null;
  readonly worker: string;
  readonly #options: ContextOptions;
  #reporter: Reporter | undefined;
  #hasEnded = false;

  constructor(options: ContextOptions) {
    const { id, name, queue, body } = options.message;
    this.id = id;
    this.name = name;
    this.queue = queue;
    this.args = body.args ?? [];
    this.kwargs = body.kwargs ?? {};
    this.retries = options.retries;
    this.maxRetries = options.maxRetries;
    this.eta = dateOf(body.eta);
    this.expires = dateOf(body.expires);
    this.priority = body.priority ?? DEFAULT_PRIORITY;
    this.headers = body.headers ?? {};
    this.tags = body.tags ?? [];
    this.parentId = body.parent_id ?? null;
    this.rootId = body.root_id ?? id;
    this.worker = options.worker;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.abort.signal;
  }

  get log(): TaskLog {
    return this.#options.taskLog();
  }

  readonly updateState = (state: string, meta: unknown = null): Promise<void> =>
    watched(this.#report(state, meta));

  async #report(state: string, meta: unknown): Promise<void> {
    if (!isCustomState(state)) {
      throw new TypeError(
        `Expected a state of your own in upper case, such as UPLOADING, and none that Kaje has, got "${state}"`,
      );
    }
    const { start, store, log } = this.#options;
    this.#reporter ??= createReporter(start, store, log());
    // Of a run that has ended, nothing is stored.
    if (this.#hasEnded) this.#reporter.end();
    this.#reporter.report(state, checkedMeta(meta));
    // A task that only computes lets go of the event loop here: locks are renewed, news are sent.
    return yieldToLoop();
  }

  readonly progress = (meta: unknown): Promise<void> => this.updateState('PROGRESS', meta);

  readonly retry = (request?: RetryRequestOptions): never => {
    throw new RetryRequest(request);
  };

  readonly send = async (
    name: string,
    input?: object,
    options: SendOptions = {},
  ): Promise<string> => {
    // A run that was given up goes on somewhere else: what it still sends would be sent twice.
    if (this.#hasEnded) throw new Error('This run has ended; it sends no more tasks');
    return this.#options.send(name, input, options);
  };

  [END](): void {
    this.#hasEnded = true;
    this.#reporter?.end();
  }
}

/** A refusal that nobody waits for is no reason to end the worker. */
function watched(report: Promise<void>): Promise<void> {
  report.catch(() => undefined);
  return report;
}

function dateOf(ms: number | undefined): Date | null {
  return ms === undefined ? null : new Date(ms);
}

type Reporter = ReturnType<typeof createReporter>;

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
  const size = Buffer.byteLength(toJson(meta) ?? '');
  if (size <= META_MAX) return meta;
  throw new RangeError(`Expected progress of at most ${META_MAX} bytes of JSON, got ${size}`);
}
