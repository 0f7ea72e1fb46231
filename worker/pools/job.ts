/** A run of a task in a child, as the parent sees it: it ends once, whoever is first to end it. */
import { reasonOf } from '../../shared/errorText.ts';
import type { TaskContext } from '../../shared/task.ts';
import { PermanentError } from '../outcome.ts';
import type { Child } from './child.ts';
import { pack } from './thrown.ts';

export interface ChildRun {
  /** Of the task. */
  readonly name: string;
  /** Bound and checked; plain data, for it is copied. Without it the child makes it of the context's arguments. */
  readonly input?: unknown;
  /** What the task does with its own context in the child is done with this one here. */
  readonly ctx: TaskContext;
  /** Once aborted, the child is killed and the run rejects with the reason, both at once. */
  readonly kill: AbortSignal;
  /** Called when a child is free for it, which keeps itself free until this is done. */
  readonly prepare?: (() => Promise<unknown>) | undefined;
  /** Called when a child takes it: until then it waited for a free one. */
  started?(): void;
  /** Bytes of JSON. A larger result is refused in the child. Default: no limit */
  readonly resultMaxBytes?: number;
}

export interface Job {
  readonly result: Promise<unknown>;
  isOver(): boolean;
  succeed(value: unknown): void;
  fail(error: unknown): void;
}

/**
 * Hands a run to a child.
 * @param killed called when the run was killed: its child must go
 */
export function startJob(
  run: ChildRun,
  number: number,
  child: Child,
  killed: (reason: unknown) => void,
): Job {
  const { ctx, kill } = run;
  const { promise: result, resolve, reject } = withResolvers();
  let isOver = false;
  const over = (): boolean => {
    if (isOver) return false;
    isOver = true;
    kill.removeEventListener('abort', onKill);
    ctx.signal.removeEventListener('abort', onAbort);
    return true;
  };
  const fail = (error: unknown) => {
    if (over()) reject(error);
  };
  const onKill = () => {
    fail(kill.reason);
    killed(kill.reason);
  };
  const onAbort = () => {
    child.send({ kind: 'abort', run: number, reason: pack(ctx.signal.reason) });
  };
  kill.addEventListener('abort', onKill);
  ctx.signal.addEventListener('abort', onAbort);
  try {
    child.send(messageOf(run, number));
  } catch (error) {
    fail(unsendable(run.name, error));
  }
  return {
    result,
    isOver: () => isOver,
    fail,
    succeed(value) {
      if (over()) resolve(value);
    },
  };
}

function messageOf(child: ChildRun, run: number) {
  const { name, input, ctx, resultMaxBytes } = child;
  const { signal, log, progress, updateState, retry, send, ...data } = ctx;
  return {
    kind: 'run' as const,
    run,
    name,
    input,
    bindsInput: !('input' in child),
    data,
    aborted: signal.aborted ? pack(signal.reason) : undefined,
    resultMaxBytes: resultMaxBytes ?? Number.POSITIVE_INFINITY,
  };
}

function unsendable(name: string, error: unknown): PermanentError {
  const reason = reasonOf(error).replace(/\.$/, '');
  return new PermanentError(
    'SerializationError',
    `The input of "${name}" cannot be copied into another thread or process: ${reason}; ` +
      "make plain data of it in the task's schema, or run the task with runIn: 'main'",
  );
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers() {
  let resolve: (value: unknown) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<unknown>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
