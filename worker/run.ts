/** Makes a run of a message: its task, its retry policy, and the context that the task sees. */
import type { Registry } from '../shared/registry.ts';
import { DEFAULT_RETRY, type RetryPolicy } from '../shared/retry.ts';
import type { Task } from '../shared/task.ts';
import { type ContextOptions, createContext, type Run } from './context.ts';
import { PermanentError } from './outcome.ts';

export interface RunOptions extends Omit<ContextOptions, 'maxRetries'> {
  readonly registry: Registry;
  /** Largest result in bytes of JSON. */
  readonly resultMaxBytes: number;
}

/** The run, and `end`, after which its task can store nothing more. */
export function createRun(options: RunOptions): { run: Run; end(): void } {
  const { message, registry, resultMaxBytes } = options;
  const task = registry.get(message.name) ?? unknownTask(message.name);
  const policy = policyOf(task);
  const log = options.log.child({ task_id: message.id, task: message.name });
  const maxRetries = message.body.max_retries ?? policy.max;
  const { ctx, end } = createContext({ ...options, log, maxRetries });
  const run: Run = {
    task,
    message,
    ctx,
    policy,
    resultMaxBytes,
    log,
    input: undefined,
    value: undefined,
    thrown: undefined,
    isReleased: false,
    outcome: undefined,
  };
  return { run, end };
}

/** A task that names no retry option has none, but a call may still give it some. */
function policyOf({ options: { retry } }: Task): RetryPolicy {
  return retry ? { ...DEFAULT_RETRY, ...retry } : { ...DEFAULT_RETRY, max: 0 };
}

/** Stands for a task that this worker does not have: it fails, and can be retried where it is known. */
function unknownTask(name: string): Task {
  return {
    name,
    schema: undefined,
    options: {},
    run() {
      const message = `This worker has no task "${name}"; was it started with its module?`;
      throw new PermanentError('NotRegistered', message);
    },
  };
}
