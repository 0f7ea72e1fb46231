/** Makes a run of a message: its task, its policies, and the context that the task sees. */
import type { TaskMessage } from '../shared/message.ts';
import type { StoredProgress } from '../shared/results.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../shared/retry.ts';
import type { Task } from '../shared/task.ts';
import { createContext, type Run } from './context.ts';
import { createTaskLog } from './taskLog.ts';
import type { Tools } from './tools.ts';

export interface RunOptions {
  readonly message: TaskMessage;
  /** Retries made so far. */
  readonly retries: number;
  /** Which start of the task this is, from 1. */
  readonly start: number;
  readonly tools: Tools;
  /** Stores progress and tells those who follow. */
  store(progress: StoredProgress): Promise<unknown>;
}

/** The run, and `end`, after which its task can store nothing more. */
export function createRun(options: RunOptions): { run: Run; end(): void } {
  const { message, start, retries, tools } = options;
  const { keys, config, sender } = tools;
  const known = tools.registry.get(message.name);
  const task = known ?? unknownTask(message.name);
  const policy = policyOf(task);
  const log = tools.log.child({ task_id: message.id, task: message.name });
  const abort = new AbortController();
  const taskLog = createTaskLog({
    log,
    redis: tools.redis,
    keys,
    queue: message.queue,
    id: message.id,
    attempt: retries + 1,
  });
  const { ctx, end } = createContext({
    message,
    retries,
    maxRetries: message.body.max_retries ?? policy.max,
    start,
    worker: tools.worker,
    signal: abort.signal,
    taskLog: taskLog.log,
    log,
    store: options.store,
    send: (name, input, childOptions) => sender.send(message, name, input, childOptions),
  });
  const run: Run = {
    task,
    isKnown: known !== undefined,
    message,
    job: keys.job(message.queue, message.id),
    start,
    ctx,
    policy,
    limits: tools.limits.of(task, message.body),
    runIn: task.options.runIn ?? config.runIn,
    acksLate: task.options.acksLate ?? true,
    resultMaxBytes: config.resultMaxBytes,
    tools,
    teller: tools.teller,
    log,
    begin: () => undefined,
    hasBegun: false,
    abort,
    kill: new AbortController(),
    input: undefined,
    value: undefined,
    thrown: undefined,
    isRevoked: false,
    isReleased: false,
    outcome: undefined,
  };
  const endAll = () => {
    end();
    taskLog.end();
  };
  return { run, end: endAll };
}

/** A task that names no retry option has none, but a call may still give it some. */
function policyOf({ options: { retry } }: Task): RetryPolicy {
  return retry ? { ...DEFAULT_RETRY, ...retry } : { ...DEFAULT_RETRY, max: 0 };
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
