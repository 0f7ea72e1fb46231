/**
 * Runs tasks in children, threads or processes, that can be killed. A child runs one task at a
 * time; one idle child is kept spare, so that after a kill the next task starts at once.
 */
import { availableParallelism } from 'node:os';
import { resolve as absolute } from 'node:path';
import { atMost } from '../../shared/atMost.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import { createBackoff } from './backoff.ts';
import type { ChildRun } from './job.ts';
import { type Member, type MemberOptions, startMember } from './member.ts';

export type { ChildRun } from './job.ts';

export interface PoolOptions extends MemberOptions {
  /** Most children at once; runs beyond it wait for a free one. A function where it changes. */
  readonly max: number | (() => number);
  /** Milliseconds without a start of a child and an end of a run after which idle children go. Default: they stay */
  readonly idleMs?: number;
}

export interface Pool {
  /** Children that start, wait or run; not those that are being ended. */
  readonly children: number;
  /** Children that run a task. */
  readonly busy: number;
  /** Children that are warm and free: the next run starts at once. */
  readonly idle: number;
  /** Starts a first child. Without it the first run does. */
  start(): void;
  /**
   * Runs a task in a child; rejects with what the task threw.
   * @throws WorkerLostError when the child died, PermanentError when the run can never succeed
   */
  run(run: ChildRun): Promise<unknown>;
  /** Ends all children, and with them what they run. */
  stop(): Promise<void>;
}

interface Waiting {
  /** Whether a child could take it: not while it prepares itself for one. */
  readonly isReady: boolean;
  start(member: Member): void;
  fail(error: unknown): void;
}

/** Milliseconds that the end of children may take at a stop: native code cannot be stopped. */
const STOP_MS = 3000;

export function createPool(options: PoolOptions): Pool {
  const { log, kind, maxMemoryPerChild, idleMs } = options;
  const spare = idleMs === undefined ? 1 : 0;
  const memberOptions = { ...options, modules: options.modules.map((file) => absolute(file)) };
  const members = new Set<Member>();
  const leaving = new Set<Promise<void>>();
  const waiting = new Set<Waiting>();
  /** Free, and kept so for a run that prepares itself. */
  const kept = new Set<Member>();
  const backoff = createBackoff();
  let isStopped = false;
  let isWarned = false;
  let rest: NodeJS.Timeout | undefined;

  const max = () => Math.max(1, typeof options.max === 'function' ? options.max() : options.max);
  const all = () => [...members];

  const adjust = (): void => {
    if (isStopped) return;
    dispatch();
    shrink();
    grow();
    if (members.size === 0) failAll(backoff.failure);
  };
  const dispatch = (): void => {
    for (const member of members) {
      const next = firstReady(waiting);
      if (!next) return;
      if (member.isIdle && !kept.has(member)) next.start(member);
    }
  };
  const shrink = (): void => {
    const surplus = members.size - max();
    const free = all().filter((member) => !member.isBusy);
    for (const member of free.slice(0, Math.max(0, surplus))) member.end(stopped());
  };
  const grow = (): void => {
    const busy = all().filter((member) => member.isBusy).length;
    const wanted = Math.min(max(), busy + waiting.size + spare);
    const starting = all().filter((member) => member.isStarting).length;
    // More would only slow each other down.
    const atOnce = Math.min(wanted - members.size, availableParallelism() - starting);
    for (let i = 0; i < atOnce && backoff.isOver(); i++) add();
  };
  const add = (): void => {
    try {
      members.add(open());
    } catch (error) {
      // The system gives no more processes.
      onFailedStart(new WorkerLostError(`A ${kind} for tasks did not start: ${error}`));
    }
  };
  const open = (): Member => {
    const member = startMember(memberOptions, {
      ready(memory) {
        warnOfLimit(memory);
        adjust();
        // The run that it was started for may be gone.
        restLater();
      },
      freed() {
        backoff.reset();
        adjust();
        restLater();
      },
      gone(goodbye, failure) {
        members.delete(member);
        leaving.add(goodbye);
        void goodbye.then(() => leaving.delete(goodbye));
        if (failure) onFailedStart(failure);
        adjust();
      },
    });
    return member;
  };
  const restLater = (): void => {
    if (idleMs === undefined) return;
    clearTimeout(rest);
    rest = setTimeout(() => endIdle(all()), idleMs).unref();
  };
  const onFailedStart = (failure: Error): void => {
    const pauseMs = backoff.failed(failure);
    log.error(
      { reason: failure.message, next_start_in: pauseMs / 1000 },
      `a ${kind} did not start`,
    );
    // Node's timers may be early by a part of a millisecond.
    if (pauseMs > 0) setTimeout(startAgain, Math.ceil(pauseMs) + 1).unref();
  };
  /** Not for a spare child alone: where none can start, nobody is to hear of it again and again. */
  const startAgain = (): void => {
    if (waiting.size > 0) adjust();
  };
  const warnOfLimit = (memory: number): void => {
    if (isWarned || maxMemoryPerChild === 0 || memory <= maxMemoryPerChild) return;
    isWarned = true;
    const what = { max_memory_per_child: maxMemoryPerChild, idle: Math.round(memory) };
    log.warn(what, `a ${kind} holds more than its limit before it runs anything: raise the limit`);
  };
  const failAll = (error: unknown): void => {
    for (const each of [...waiting]) each.fail(error);
  };

  const enqueue = (run: ChildRun): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const leave = () => {
        waiting.delete(entry);
        run.kill.removeEventListener('abort', onKill);
      };
      const onKill = () => entry.fail(run.kill.reason);
      let prepare = run.prepare;
      let isReady = true;
      // It stays among those that wait: should the child be gone by then, another one takes it.
      const prepareFor = async (member: Member, act: () => Promise<unknown>): Promise<void> => {
        isReady = false;
        kept.add(member);
        await act().catch(entry.fail);
        prepare = undefined;
        isReady = true;
        kept.delete(member);
        adjust();
      };
      const entry: Waiting = {
        get isReady() {
          return isReady;
        },
        start(member) {
          if (prepare) return void prepareFor(member, prepare);
          leave();
          run.started?.();
          resolve(member.run(run));
        },
        fail(error) {
          leave();
          reject(error);
        },
      };
      run.kill.addEventListener('abort', onKill);
      waiting.add(entry);
      adjust();
    });

  return {
    get children() {
      return members.size;
    },
    get busy() {
      return all().filter((member) => member.isBusy).length;
    },
    get idle() {
      return all().filter((member) => member.isIdle).length;
    },
    start: adjust,
    async run(run) {
      run.kill.throwIfAborted();
      if (isStopped) throw stopped();
      return enqueue(run);
    },
    async stop() {
      isStopped = true;
      failAll(stopped());
      for (const member of all()) member.end(stopped());
      await atMost(STOP_MS, Promise.all(leaving));
    },
  };
}

function firstReady(waiting: Iterable<Waiting>): Waiting | undefined {
  for (const each of waiting) if (each.isReady) return each;
  return undefined;
}

function endIdle(members: readonly Member[]): void {
  for (const member of members) if (member.isIdle) member.end(stopped());
}

function stopped(): WorkerLostError {
  return new WorkerLostError('The worker stopped before the task had ended');
}
