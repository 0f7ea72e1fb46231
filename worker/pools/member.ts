/** A child of a pool: starts, runs one task after another, and goes when it is worn out or killed. */
import type { Log } from '../../shared/log.ts';
import type { TaskContext } from '../../shared/task.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import type { RunIn } from '../../shared/taskOptions.ts';
import { PermanentError } from '../outcome.ts';
import type { Child, StartOptions } from './child.ts';
import { type ChildRun, type Job, startJob } from './job.ts';
import type { CallMessage, EndMessage, FromChild, LogMessage } from './messages.ts';
import { startProcess } from './process.ts';
import { answerTo, writeLine } from './requests.ts';
import { unpackResult } from './result.ts';
import { startThread } from './thread.ts';
import { unpack } from './thrown.ts';

export interface MemberOptions {
  readonly kind: Exclude<RunIn, 'main'>;
  /** Runs after which a child is replaced; 0 = never. Celery: max_tasks_per_child */
  readonly maxTasksPerChild: number;
  /**
   * Megabytes that a child may hold; 0 = no limit. One that holds more after a run is replaced, one
   * that outgrows it during a run is ended. Celery: max_memory_per_child
   */
  readonly maxMemoryPerChild: number;
  /** Files of task modules, imported by each child at its start. */
  readonly modules: readonly string[];
  readonly log: Log;
}

export interface Member {
  readonly isIdle: boolean;
  readonly isBusy: boolean;
  readonly isStarting: boolean;
  /** To be called when it is idle. */
  run(run: ChildRun): Promise<unknown>;
  /** Ends it, and with it what it still runs, for this reason. */
  end(reason: Error): void;
}

export interface MemberEvents {
  /** @param memory megabytes that it holds without having run anything */
  ready(memory: number): void;
  /** A run has ended; the child may be gone as well by now. */
  freed(): void;
  /**
   * It takes no run any more.
   * @param goodbye resolves when thread or process have ended
   * @param failure why it could not even start
   */
  gone(goodbye: Promise<void>, failure?: Error): void;
}

/** Milliseconds in which a child must have imported its modules. */
const START_MS = 60_000;
/** Milliseconds between two looks at the memory of a child that runs something. */
const LOOK_MS = 1000;

const START: Readonly<Record<MemberOptions['kind'], (options: StartOptions) => Child>> = {
  thread: startThread,
  process: startProcess,
};

/** Starts a child; what becomes of it is told by `events`. */
export function startMember(options: MemberOptions, events: MemberEvents): Member {
  const { kind, log, maxTasksPerChild, maxMemoryPerChild: maxMemory } = options;
  let state: 'starting' | 'idle' | 'busy' | 'gone' = 'starting';
  let runs = 0;
  let job: Job | undefined;
  // Also after its end: a task may speak then.
  let latest: TaskContext | undefined;
  let lastWords: string | undefined;
  let watch: NodeJS.Timeout | undefined;

  const leave = (failure?: Error, reason?: unknown): void => {
    if (state === 'gone') return;
    state = 'gone';
    clearTimeout(startTimer);
    clearInterval(watch);
    events.gone(child.kill(reason), failure);
  };
  const onEnd = (how: string): void => {
    const reason = lastWords ?? how;
    job?.fail(new WorkerLostError(`The ${kind} that ran the task is gone: ${reason}`));
    if (state === 'idle') log.warn({ reason }, `an idle ${kind} is gone`);
    const isUseless = state !== 'busy' && runs === 0;
    leave(
      isUseless ? new WorkerLostError(`A ${kind} for tasks did not start: ${reason}`) : undefined,
    );
  };

  const onReady = (memory: number) => {
    clearTimeout(startTimer);
    state = 'idle';
    events.ready(memory);
  };
  const onUnfit = (reason: string) => {
    const message = `A ${kind} for tasks could not import them: ${reason}`;
    leave(new PermanentError('NotRegistered', message));
  };
  const onEndOfRun = ({ run, result, error, memory }: EndMessage) => {
    if (run !== runs || !job) return;
    if (error) job.fail(unpack(error));
    else job.succeed(result && unpackResult(result));
    free(memory);
  };
  const free = (memory: number): void => {
    clearInterval(watch);
    job = undefined;
    lastWords = undefined;
    state = 'idle';
    const why = wornOut(memory);
    if (why) log.debug({ reason: why, runs }, `a ${kind} is replaced`);
    if (why) leave();
    events.freed();
  };
  const wornOut = (memory: number): string | undefined => {
    if (maxTasksPerChild > 0 && runs >= maxTasksPerChild) return 'max_tasks_per_child';
    return maxMemory > 0 && memory > maxMemory ? 'max_memory_per_child' : undefined;
  };
  const ctxOf = (run: number) => (run === runs ? latest : undefined);
  const onLog = (message: LogMessage) => {
    const ctx = ctxOf(message.run);
    if (ctx) writeLine(message, ctx.log);
    else log.debug({ line: message.message }, `a ${kind} wrote a line outside of its run`);
  };
  const onCall = async (message: CallMessage) => {
    child.send(await answerTo(message, ctxOf(message.run)));
  };
  const onMessage = (message: FromChild): void => {
    // A thread that is being ended may have written a few more.
    if (state === 'gone') return;
    if (message.kind === 'ready') onReady(message.memory);
    else if (message.kind === 'unfit') onUnfit(message.reason);
    else if (message.kind === 'log') onLog(message);
    else if (message.kind === 'call') void onCall(message);
    else if (message.kind === 'end') onEndOfRun(message);
    else lastWords = message.reason;
  };

  const look = async (): Promise<void> => {
    const looked = job;
    const memory = Math.round(await child.memory());
    if (memory <= maxMemory || looked !== job || state !== 'busy') return;
    const reason = `it holds ${memory} MB, max_memory_per_child is ${maxMemory} MB`;
    const error = new WorkerLostError(`The ${kind} that ran the task was ended: ${reason}`);
    job?.fail(error);
    leave(undefined, error);
  };

  const child = START[kind]({ maxMemory, onMessage, onEnd });
  const startTimer = setTimeout(() => onUnfit(`not within ${START_MS / 1000} s`), START_MS);
  child.send({ kind: 'start', modules: options.modules, measures: maxMemory > 0 });
  return {
    get isStarting() {
      return state === 'starting';
    },
    get isIdle() {
      return state === 'idle';
    },
    get isBusy() {
      return state === 'busy';
    },
    run(run) {
      state = 'busy';
      latest = run.ctx;
      const started = startJob(run, ++runs, child, (reason) => leave(undefined, reason));
      job = started;
      if (started.isOver()) free(0);
      else if (maxMemory > 0) watch = setInterval(look, LOOK_MS);
      return started.result;
    },
    end(reason) {
      job?.fail(reason);
      leave(undefined, reason);
    },
  };
}
