/**
 * Takes tasks from one queue and runs them: the only BullMQ Worker. What BullMQ calls a job is
 * a message here; how a run ended goes back as completed, failed, delayed or waiting.
 */
import { type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { createAnnouncer } from '../shared/bus.ts';
import type { Config } from '../shared/config.ts';
import { BrokerUnavailableError } from '../shared/errors.ts';
import { createKeys } from '../shared/keys.ts';
import type { Log } from '../shared/log.ts';
import { bodyOf, type TaskMessage } from '../shared/message.ts';
import type { TaskErrorBody } from '../shared/protocol.ts';
import { asUnavailable } from '../shared/redis.ts';
import type { Registry } from '../shared/registry.ts';
import { execute } from './execute.ts';
import type { Outcome } from './outcome.ts';
import { createRun } from './run.ts';

export interface ConsumerOptions {
  readonly queue: string;
  readonly concurrency: number;
  readonly registry: Registry;
  /** Name of this worker, shown with each task that it runs. */
  readonly worker: string;
  readonly redis: Redis;
  readonly config: Pick<Config, 'prefix' | 'resultExpires' | 'resultsMax' | 'resultMaxBytes'>;
  readonly log: Log;
}

export interface Consumer {
  readonly queue: string;
  readonly concurrency: number;
  /** Tasks that run now. */
  readonly active: number;
  readonly totals: Readonly<Record<'fetched' | 'succeeded' | 'failed' | 'retried', number>>;
  /** Gives up a fetch loop that hangs and starts another; running tasks go on. Not while it stops. */
  restart(): void;
  /**
   * Takes no more tasks and resolves when the running ones have ended.
   * @param enough once aborted, what still runs goes back to its queue instead
   */
  stop(enough: AbortSignal): Promise<void>;
}

/**
 * A dead worker's tasks are taken over at most LOCK_MS + 2 * STALLED_CHECK_MS after its death:
 * 18 s. A live one may stall for LOCK_MS - LOCK_RENEW_MS, 11 s, before it counts as dead.
 */
const LOCK_MS = 14_000;
const LOCK_RENEW_MS = 3_000;
const STALLED_CHECK_MS = 2_000;
/** A task that has cost two workers their life is given to a third one, and no more. */
const LOSSES_FORGIVEN = 2;
/** Old results removed with each task that ends; the sweeper takes the rest. */
const EVICT_AT_ONCE = 100;
/** Attempts of which the traceback is kept. */
const TRACEBACKS_KEPT = 10;

/** Stands for the outcome of a run that was given up: its task goes back to the queue. */
const RELEASED = Symbol('released');

export function createConsumer(options: ConsumerOptions): Consumer {
  const { queue, concurrency, redis, config, log } = options;
  const keys = createKeys(config.prefix);
  const announce = createAnnouncer(redis, keys);
  const running = new Set<() => void>();
  let isOver = false;
  const totals = { fetched: 0, succeeded: 0, failed: 0, retried: 0 };

  const runJob = async (job: Job, token?: string): Promise<unknown> => {
    // A fetch that was under way when the stop came may bring back what was just put back.
    if (isOver) return putBack(job, token, log.child({ task_id: job.id, task: job.name }));
    const abort = new AbortController();
    const { run, end } = createRun({
      message: messageOf(job, queue),
      retries: job.attemptsMade,
      start: job.attemptsStarted,
      registry: options.registry,
      worker: options.worker,
      resultMaxBytes: config.resultMaxBytes,
      signal: abort.signal,
      log,
      store: (progress) => job.updateProgress(progress).then(() => announce(job.id ?? '')),
    });
    const released = withResolvers<typeof RELEASED>();
    const release = () => {
      run.isReleased = true;
      released.resolve(RELEASED);
      abort.abort(new Error('The worker is shutting down'));
    };
    running.add(release);
    try {
      const outcome = await Promise.race([execute(run), released.promise]);
      if (outcome === RELEASED) return await putBack(job, token, run.log);
      return store(outcome, job);
    } finally {
      running.delete(release);
      end();
    }
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

  const start = (): Worker => {
    const retention = { age: config.resultExpires, count: config.resultsMax, limit: EVICT_AT_ONCE };
    const worker = new Worker(queue, runJob, {
      connection: redis,
      prefix: config.prefix,
      name: options.worker,
      concurrency,
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
    worker.on('failed', (job, error) => {
      if (error instanceof RunFailed && error.delayMs > 0) totals.retried++;
      else totals.failed++;
      if (!(error instanceof RunFailed))
        log.error({ task_id: job?.id, state: 'FAILURE' }, error.message);
      finished(job, false);
    });
    worker.on('stalled', (id) =>
      log.warn({ task_id: id, queue }, 'task of a lost worker goes back to its queue'),
    );
    worker.on('error', (error) => {
      // Outages are logged by the connection, once.
      if (asUnavailable(error) instanceof BrokerUnavailableError) return;
      log.error({ queue, reason: error.message }, 'a task could not be stored or fetched');
    });
    return worker;
  };

  let worker = start();
  let isStopping = false;
  const replaced: Promise<void>[] = [];
  return {
    queue,
    concurrency,
    totals,
    get active() {
      return running.size;
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
        for (const release of running) release();
      };
      if (enough.aborted) releaseAll();
      enough.addEventListener('abort', releaseAll);
      await Promise.all([worker.close(), ...replaced]);
      enough.removeEventListener('abort', releaseAll);
    },
  };
}

function messageOf(job: Job, queue: string): TaskMessage {
  return { id: job.id ?? '', name: job.name, queue, sentAt: job.timestamp, body: bodyOf(job.data) };
}

/** Hands the outcome to BullMQ, in BullMQ's ways: a return, an error, an error that asks for a delay. */
function store(outcome: Outcome, job: Job): unknown {
  // Bounds what a task that fails for ever keeps in Redis; this copy of the options is the worker's own.
  job.opts.stackTraceLimit = TRACEBACKS_KEPT;
  switch (outcome.kind) {
    case 'success':
      return outcome.value;
    case 'failure':
      throw new RunFailed(outcome.error, 0);
    case 'retry':
      // Attempts are counted by our policy; BullMQ only needs to know that one is left.
      job.opts.attempts = Number.POSITIVE_INFINITY;
      job.opts.backoff = { type: 'kaje' };
      throw new RunFailed(outcome.error, outcome.delayMs);
  }
}

/** Back to the front of its queue, not counted as a retry. */
async function putBack(job: Job, token: string | undefined, log: Log): Promise<never> {
  await job.moveToWait(token);
  log.info({ state: 'PENDING' }, 'task was put back into its queue');
  throw new WaitingError();
}

/** What BullMQ stores of a run that failed: our message and traceback, as its error. */
class RunFailed extends Error {
  readonly delayMs: number;

  constructor({ message, traceback }: TaskErrorBody, delayMs: number) {
    super(message);
    this.stack = traceback;
    this.delayMs = delayMs;
    // BullMQ goes by this name: no attempts of the job's own (plain BullMQ producers) apply.
    if (delayMs === 0) this.name = 'UnrecoverableError';
  }
}

function delayOf(error: Error | undefined): number {
  return error instanceof RunFailed ? error.delayMs : -1;
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
