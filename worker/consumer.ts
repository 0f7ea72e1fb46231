/**
 * Takes tasks from one queue and runs them: the only BullMQ Worker. What BullMQ calls a job is
 * a message here; how a run ended goes back as completed, failed, delayed or waiting (delivery.ts).
 */
import { type Job, Worker } from 'bullmq';
import { createAnnouncer } from '../shared/bus.ts';
import { BrokerUnavailableError } from '../shared/errors.ts';
import { deferredError } from '../shared/failures.ts';
import { bodyOf, type TaskMessage } from '../shared/message.ts';
import { asUnavailable } from '../shared/redis.ts';
import { WorkerLostError } from '../shared/taskErrors.ts';
import type { RunIn } from '../shared/taskOptions.ts';
import type { Run } from './context.ts';
import { delayOf, letGo, messageOf, putBack, RunFailed, store } from './delivery.ts';
import { execute } from './execute.ts';
import { LOCK_MS, LOCK_RENEW_MS, STALLED_CHECK_MS } from './locks.ts';
import { describeError, type Outcome } from './outcome.ts';
import { createRecent } from './recent.ts';
import { createRun } from './run.ts';
import { createRunning, type Running } from './running.ts';
import { unmark } from './steps/acknowledgeEarly.ts';
import type { Tools } from './tools.ts';
import { tellLost, tellUnrun } from './unrun.ts';

export interface ConsumerOptions {
  readonly queue: string;
  readonly concurrency: number;
  readonly tools: Tools;
}

/** A task that runs now, as remote inspection shows it. */
export interface RunningTask {
  readonly message: TaskMessage;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly retries: number;
  readonly runIn: RunIn;
}

export interface Consumer {
  readonly queue: string;
  readonly concurrency: number;
  /** Tasks that run now. */
  readonly active: number;
  running(): RunningTask[];
  readonly totals: Readonly<Record<'fetched' | 'succeeded' | 'failed' | 'retried', number>>;
  /** Changes how many tasks may run at once; running ones go on. */
  setConcurrency(concurrency: number): void;
  /** Tells tasks that run here to stop, or with `terminate` ends them at once; says which were here. */
  revoke(ids: readonly string[], terminate: boolean): string[];
  /** Gives up a fetch loop that hangs and starts another; running tasks go on. Not while it stops. */
  restart(): void;
  /**
   * Takes no more tasks and resolves when the running ones have ended.
   * @param enough once aborted, what still runs goes back to its queue instead
   */
  stop(enough: AbortSignal): Promise<void>;
}

/** A task that has cost two workers their life is given to a third one, and no more. */
const LOSSES_FORGIVEN = 2;
/** Milliseconds after which a task is tried again that this worker could not even begin to run. */
const TRY_AGAIN_MS = 1000;
/** Milliseconds that a task may be on its way here, longer than what tells of its revocation. */
const ON_ITS_WAY_MS = 5000;
/** Old results removed with each task that ends; the sweeper takes the rest. */
const EVICT_AT_ONCE = 100;

export function createConsumer({ queue, concurrency, tools }: ConsumerOptions): Consumer {
  const { redis, keys, config, log } = tools;
  const announce = createAnnouncer(redis, keys);
  const running = new Map<string, Running>();
  const totals = { fetched: 0, succeeded: 0, failed: 0, retried: 0 };
  let slots = concurrency;
  let isOver = false;
  const told = createRecent(ON_ITS_WAY_MS);

  const runJob = async (job: Job, token?: string): Promise<unknown> => {
    const id = job.id ?? '';
    const { run, end } = createRun({
      message: messageOf(job, queue),
      retries: job.attemptsMade,
      start: job.attemptsStarted,
      tools,
      store: (progress) => job.updateProgress(progress).then(() => announce(id)),
    });
    // A fetch that was under way when the stop came may bring back what was just put back.
    if (isOver) return putBack(job, token, run.log);
    const mine = createRunning(run);
    running.set(id, mine);
    try {
      const heeded = told.has(id) ? heed(mine, token) : Promise.resolve();
      const outcome = await mine.ended(outcomeOf(run, heeded));
      if (outcome === 'gone') return letGo();
      if (outcome === 'released') return await giveBack(run, job, token);
      return await store(outcome, job, token);
    } finally {
      if (running.get(id) === mine) running.delete(id);
      end();
    }
  };

  /** The worker stops. A task that may run once only is not put back once it has begun. */
  const giveBack = async (run: Run, job: Job, token: string | undefined): Promise<never> => {
    if (run.acksLate) return putBack(job, token, run.log);
    if (run.hasBegun) {
      const error = describeError(stopped());
      tellLost(unrun(job, job.attemptsMade), error, tools);
      throw new RunFailed(error, 0);
    }
    await unmark(run).catch(() => undefined);
    return putBack(job, token, run.log);
  };

  /** It was perhaps revoked while it was on its way here. */
  const heed = async (mine: Running, token = ''): Promise<void> => {
    const { job, start, message } = mine.run;
    const [lost, deferred] = await Promise.all([
      worker.extendJobLocks([message.id], [token], LOCK_MS),
      redis.hget(job, 'deferred'),
    ]);
    if (lost.length > 0) mine.revoke(true);
    else if (deferred?.startsWith(`${start},`)) mine.revoke(false);
  };

  const finished = (job: Job | undefined, isSuccess: boolean): void => {
    if (!job?.id) return;
    keepOwnExpiry(job, isSuccess);
    announce(job.id);
  };

  /**
   * A result with its own lifetime is filed as if it had ended earlier or later, so that whoever
   * removes by age (BullMQ, the sweeper) removes it in time and looks at one number only.
   */
  const keepOwnExpiry = (job: Job, isSuccess: boolean): void => {
    const expires = bodyOf(job.data).result_expires;
    if (expires === undefined || !job.finishedOn) return;
    const filedAt = Math.max(0, job.finishedOn + (expires - config.resultExpires) * 1000);
    redis.zadd(keys.finished(queue, isSuccess), 'XX', filedAt, job.id ?? '').catch(() => undefined);
  };

  const onFailed = (job: Job | undefined, error: Error): void => {
    if (error instanceof RunFailed && error.delayMs > 0) totals.retried++;
    else totals.failed++;
    // Not run at all: it was revoked while it waited, or its workers were lost.
    if (!(error instanceof RunFailed)) {
      const { type, message } = deferredError(error.message) ?? {
        type: '',
        message: error.message,
      };
      const why = type ? `${type}: ${message}` : message;
      log.warn({ task_id: job?.id, task: job?.name }, `task is not run any more: ${why}`);
      if (job) tellEnd(job, error);
    }
    finished(job, false);
  };

  const tellEnd = (job: Job, { message }: Error): void => {
    // BullMQ has counted this as an attempt by now.
    tellUnrun(unrun(job, job.attemptsMade - 1), message, tools).catch(() => undefined);
  };

  const unrun = ({ id: task_id = '', name }: Job, retries: number) => {
    return { task_id, name, queue, retries };
  };

  const onError = (error: Error): void => {
    // What was terminated is no fault.
    if (isOutage(error) || isOfGone(error)) return;
    log.error({ queue, reason: error.message }, 'a task could not be stored or fetched');
  };

  const start = (): Worker => {
    const retention = { age: config.resultExpires, count: config.resultsMax, limit: EVICT_AT_ONCE };
    const worker = new Worker(queue, runJob, {
      connection: redis,
      prefix: config.prefix,
      name: tools.worker,
      concurrency: slots,
      lockDuration: LOCK_MS,
      lockRenewTime: LOCK_RENEW_MS,
      stalledInterval: STALLED_CHECK_MS,
      maxStalledCount: LOSSES_FORGIVEN,
      runRetryDelay: 500,
      removeOnComplete: retention,
      removeOnFail: retention,
      settings: { backoffStrategy: (_made, _type, error) => delayOf(error) },
    });
    worker.on('active', () => totals.fetched++);
    worker.on('completed', (job) => {
      totals.succeeded++;
      finished(job, true);
    });
    worker.on('failed', onFailed);
    worker.on('lockRenewalFailed', (ids) => {
      for (const id of ids) running.get(id)?.lose();
    });
    worker.on('stalled', (id) =>
      log.warn({ task_id: id, queue }, 'task of a lost worker goes back to its queue'),
    );
    worker.on('error', onError);
    return worker;
  };

  let worker = start();
  let isStopping = false;
  const replaced: Promise<void>[] = [];
  return {
    queue,
    totals,
    get concurrency() {
      return slots;
    },
    get active() {
      return running.size;
    },
    running: () => [...running.values()].map(describe),
    setConcurrency(count) {
      const hasGrown = count > slots;
      slots = count;
      worker.concurrency = count;
      if (hasGrown && !isStopping) wake(worker);
    },
    revoke(ids, terminate) {
      const here = ids.filter((id) => running.has(id));
      for (const id of here) running.get(id)?.revoke(terminate);
      told.add(ids);
      return here;
    },
    restart() {
      if (isStopping) return;
      replaced.push(worker.close());
      worker = start();
    },
    async stop(enough) {
      isStopping = true;
      const releaseAll = () => {
        isOver = true;
        for (const each of running.values()) each.release();
      };
      if (enough.aborted) releaseAll();
      enough.addEventListener('abort', releaseAll);
      await Promise.all([worker.close(), ...replaced]);
      enough.removeEventListener('abort', releaseAll);
    },
  };
}

/**
 * BullMQ's loop that has all slots busy sees a new one when some task ends, which may take hours.
 * Pause and resume in one tick, before the loop could see the pause, make it look at once.
 */
function wake(worker: Worker): void {
  void worker.pause(true);
  void worker.resume();
}

/** What a step could not do, such as asking Redis, is no fault of the task: it is tried again. */
async function outcomeOf(run: Run, heeded: Promise<void>): Promise<Outcome> {
  try {
    await heeded;
    return await execute(run);
  } catch (error) {
    const isFault = !run.isReleased && !isOutage(error);
    if (isFault)
      run.log.error({ err: error }, 'the worker could not run the task; it is tried again');
    return { kind: 'later', delayMs: TRY_AGAIN_MS, why: String(error) };
  }
}

function describe({ run, startedAt }: Running): RunningTask {
  return { message: run.message, startedAt, retries: run.ctx.retries, runIn: run.runIn };
}

/** A task that may run once only is not put back when its worker stops. */
function stopped(): WorkerLostError {
  return new WorkerLostError(
    'The worker stopped before the task had ended, and may not run it again (acksLate: false)',
  );
}

/** Outages and refusals are logged by the connection, once. */
function isOutage(error: unknown): boolean {
  return asUnavailable(error) instanceof BrokerUnavailableError;
}

/** BullMQ's words when a task is no longer this worker's. */
function isOfGone({ message }: Error): boolean {
  return /^(could not renew lock|Missing lock|Lock mismatch|.*not in the active state)/.test(
    message,
  );
}
