/** Makes a run of a message: its task, its policies, and the context that the task sees. */

import type { ClusterEvent, Teller } from '../shared/clusterEvents.ts';
import type { Log } from '../shared/log.ts';
import type { TaskMessage } from '../shared/message.ts';
import type { StoredProgress } from '../shared/results.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../shared/retry.ts';
import type { Task, TaskContext } from '../shared/task.ts';
import type { RunIn } from '../shared/taskOptions.ts';
import { createCancel } from './cancel.ts';
import { createContext, type Run } from './context.ts';
import type { RunLimits } from './limits.ts';
import type { Outcome } from './outcome.ts';
import { createTaskLog, type StoredTaskLog } from './taskLog.ts';
import type { Tools } from './tools.ts';

export interface RunOptions {
  readonly message: TaskMessage;
  /** Retries made so far. */
  readonly retries: number;
  /** Which start of the task this is, from 1. */
  readonly start: number;
  /** Losses of workers charged to the task. Default: 0 */
  readonly losses?: number;
  readonly tools: Tools;
  /** Stores progress and tells those who follow. */
  store(progress: StoredProgress): Promise<unknown>;
}

/** The run, and `end`, after which its task can store nothing more. */
export function createRun(options: RunOptions): { run: Run; end(): void } {
  const run = new TaskRun(options);
  return { run, end: () => run[END]() };
}

const END = Symbol('end');

/** A class for its getters: see context.ts. */
class TaskRun implements Run {
  readonly task: Task;
  readonly isKnown: boolean;
  readonly message: TaskMessage;
  readonly job: string;
  readonly start: number;
  readonly ctx: TaskContext;
  readonly policy: RetryPolicy;
  readonly limits: RunLimits;
  readonly runIn: RunIn;
  readonly losses: number;
  readonly acksLate: boolean;
  readonly resultMaxBytes: number;
  readonly tools: Tools;
  readonly teller: Teller;
  readonly abort = createCancel();
  readonly kill = createCancel();
  acknowledge: Run['acknowledge'] = undefined;
  begin = nothing;
  hasBegun = false;
  isApart = false;
  input: unknown = undefined;
  value: unknown = undefined;
  thrown: unknown = undefined;
  isRevoked = false;
  isReleased = false;
  outcome: Outcome | undefined = undefined;
  endEvent: ClusterEvent | undefined = undefined;
  readonly #options: RunOptions;
  readonly #endContext: () => void;
  #log: Log | undefined;
  #taskLog: StoredTaskLog | undefined;
  #hasEnded = false;

  constructor(options: RunOptions) {
    const { message, start, retries, losses = 0, tools } = options;
    const { keys, config, sender } = tools;
    const known = tools.registry.get(message.name);
    const task = known ?? unknownTask(message.name);
    this.#options = options;
    this.task = task;
    this.isKnown = known !== undefined;
    this.message = message;
    this.job = keys.job(message.queue, message.id);
    this.start = start;
    this.policy = policyOf(task);
    this.limits = tools.limits.of(task, message.body);
    this.runIn = task.options.runIn ?? config.runIn;
    this.losses = losses;
    this.acksLate = task.options.acksLate ?? true;
    this.resultMaxBytes = config.resultMaxBytes;
    this.tools = tools;
    this.teller = tools.teller;
    const { ctx, end } = createContext({
      message,
      retries,
      maxRetries: message.body.max_retries ?? this.policy.max,
      start,
      worker: tools.worker,
      abort: this.abort,
      taskLog: () => this.#storedLog().log,
      log: () => this.log,
      store: options.store,
      send: (name, input, childOptions) => sender.send(message, name, input, childOptions),
    });
    this.ctx = ctx;
    this.#endContext = end;
  }

  // Both logs are made for those who write: most tasks write nothing of their own.
  get log(): Log {
    const { id, name } = this.message;
    this.#log ??= this.tools.log.child({ task_id: id, task: name });
    return this.#log;
  }

  #storedLog(): StoredTaskLog {
    if (this.#taskLog) return this.#taskLog;
    const { redis, keys, clock } = this.tools;
    const { queue, id } = this.message;
    const attempt = this.#options.retries + 1;
    this.#taskLog = createTaskLog({ log: this.log, redis, keys, clock, queue, id, attempt });
    if (this.#hasEnded) this.#taskLog.end();
    return this.#taskLog;
  }

  [END](): void {
    this.#hasEnded = true;
    this.#endContext();
    this.#taskLog?.end();
  }
}

const nothing = (): void => undefined;
const policies = new WeakMap<Task, RetryPolicy>();

/** A task that names no retry option has none, but a call may still give it some. */
function policyOf(task: Task): RetryPolicy {
  const { retry } = task.options;
  const policy =
    policies.get(task) ?? (retry ? { ...DEFAULT_RETRY, ...retry } : { ...DEFAULT_RETRY, max: 0 });
  policies.set(task, policy);
  return policy;
}

/** Stands for a task that this worker does not have: it is parked and never run here. */
function unknownTask(name: string): Task {
  return {
    name,
    schema: undefined,
    options: {},
    run() {
      throw new Error(`This worker has no task "${name}"`);
    },
  };
}
