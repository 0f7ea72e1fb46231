/**
 * Takes tasks from one queue, runs them, and files how they ended. What BullMQ calls a job is a
 * delivery here (delivery.ts); how a run ended goes back in BullMQ's own ways (ending.ts).
 */
import { IdMap } from '../shared/idMap.ts';
import type { TaskMessage } from '../shared/message.ts';
import { isOutage } from '../shared/redis.ts';
import { WorkerLostError } from '../shared/taskErrors.ts';
import type { RunIn } from '../shared/taskOptions.ts';
import type { Run } from './context.ts';
import { type Delivery, messageOf } from './delivery.ts';
import { type Ending, endingOf, failed, failedUnrun } from './ending.ts';
import { execute } from './execute.ts';
import { createOnFiled, type Totals } from './onFiled.ts';
import { describeError, type Outcome } from './outcome.ts';
import { inOwnContext } from './ownContext.ts';
import { createRecent } from './recent.ts';
import { createRun } from './run.ts';
import { createRunning, type Running } from './running.ts';
import { createSource, type Source } from './source.ts';
import { unmark } from './steps/acknowledgeEarly.ts';
import type { Tools } from './tools.ts';
import { tellLost, unrunOf } from './unrun.ts';

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
  readonly totals: Readonly<Totals>;
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

/** Milliseconds after which a task is tried again that this worker could not even begin to run. */
const TRY_AGAIN_MS = 1000;
/** Milliseconds that a task may be on its way here, longer than what tells of its revocation. */
const ON_ITS_WAY_MS = 5000;

export function createConsumer({ queue, concurrency, tools }: ConsumerOptions): Consumer {
  const { redis, log } = tools;
  const running = new IdMap<Running>();
  const totals = { fetched: 0, succeeded: 0, failed: 0, retried: 0 };
  let slots = concurrency;
  let isOver = false;
  const told = createRecent(ON_ITS_WAY_MS);
  const onFiled = createOnFiled({ queue, tools, totals });

  const runDelivery = async (delivery: Delivery): Promise<Ending> => {
    totals.fetched++;
    const { id, deferredFailure } = delivery;
    if (deferredFailure !== undefined) return failedUnrun(delivery, deferredFailure);
    const { run, end } = createRun({
      message: messageOf(delivery, queue),
      retries: delivery.retries,
      start: delivery.start,
      losses: delivery.losses,
      tools,
      store: (progress) => source.updateProgress(id, progress),
    });
    // A fetch that was under way when the stop came may bring back what was just put back.
    if (isOver) return putBack(run);
    const mine = createRunning(run);
    // It was lost, and came back here: the run before has nobody's task any more.
    running.get(id)?.lose();
    running.set(id, mine);
    try {
      const outcome = await mine.ended(outcomeOf(run, told.has(id) ? heed(mine, delivery) : null));
      if (outcome === 'gone') return { kind: 'gone' };
      if (outcome === 'released') return await giveBack(run, delivery);
      const ending = endingOf(outcome, delivery);
      const { endEvent } = run;
      return endEvent ? whenStored(ending, () => tools.teller.tell(endEvent)) : ending;
    } finally {
      if (running.get(id) === mine) running.delete(id);
      end();
    }
  };

  /** The worker stops. A task that may run once only is not put back once it has begun. */
  const giveBack = async (run: Run, delivery: Delivery): Promise<Ending> => {
    if (!run.acksLate && run.hasBegun) {
      const error = describeError(stopped());
      const tell = () => tellLost(unrunOf(delivery, queue), error, tools);
      return whenStored(failed(error, delivery), tell);
    }
    if (!run.acksLate) await unmark(run).catch(() => undefined);
    return putBack(run);
  };

  /** It was perhaps revoked while it was on its way here. */
  const heed = async (mine: Running, delivery: Delivery): Promise<void> => {
    const { job, start } = mine.run;
    const [isMine, deferred] = await Promise.all([
      source.isMine(delivery),
      redis.hget(job, 'deferred'),
    ]);
    if (!isMine) mine.revoke(true);
    else if (deferred?.startsWith(`${start},`)) mine.revoke(false);
  };

  const onError = (error: unknown): void => {
    // What was terminated is no fault.
    if (isOutage(error) || isOfGone(error)) return;
    log.error({ queue, reason: String(error) }, 'a task could not be stored or fetched');
  };

  const open = (): Source =>
    createSource({
      queue,
      tools,
      concurrency: () => slots,
      run: runDelivery,
      onFiled,
      onLost: (ids) => {
        for (const id of ids) running.get(id)?.lose();
      },
      onError,
    });

  let source = open();
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
    running: () => running.values().map(describe),
    setConcurrency(count) {
      slots = count;
      source.wake();
    },
    revoke(ids, terminate) {
      const here = ids.filter((id) => running.has(id));
      for (const id of here) running.get(id)?.revoke(terminate);
      told.add(ids);
      return here;
    },
    restart() {
      if (isStopping) return;
      replaced.push(source.stop());
      source = open();
    },
    async stop(enough) {
      isStopping = true;
      const releaseAll = () => {
        isOver = true;
        for (const each of running.values()) each.release();
      };
      if (enough.aborted) releaseAll();
      enough.addEventListener('abort', releaseAll);
      await Promise.all([source.stop(), ...replaced]);
      enough.removeEventListener('abort', releaseAll);
    },
  };
}

function whenStored(ending: Ending, then: () => void): Ending {
  const onceStored = () => {
    ending.onceStored?.();
    then();
  };
  return { ...ending, onceStored };
}

/** Back to the front of its queue, not counted as a retry. */
function putBack({ log }: Run): Ending {
  log.info({ state: 'PENDING' }, 'task was put back into its queue');
  return { kind: 'waiting' };
}

/** What a step could not do, such as asking Redis, is no fault of the task: it is tried again. */
async function outcomeOf(run: Run, heeded: Promise<void> | null): Promise<Outcome> {
  try {
    if (heeded) await heeded;
    return await inOwnContext(() => execute(run));
  } catch (error) {
    const isFault = !run.isReleased && !isOutage(error);
    if (isFault)
      run.log.error({ err: error }, 'the worker could not run the task; it is tried again');
    return { kind: 'later', delayMs: TRY_AGAIN_MS, why: String(error) };
  }
}

function describe({ run, startedAt }: Running): RunningTask {
  const runIn = run.isApart ? 'process' : run.runIn;
  return { message: run.message, startedAt, retries: run.ctx.retries, runIn };
}

/** A task that may run once only is not put back when its worker stops. */
function stopped(): WorkerLostError {
  return new WorkerLostError(
    'The worker stopped before the task had ended, and may not run it again (acksLate: false)',
  );
}

/** BullMQ's words when a task is no longer this worker's. */
function isOfGone(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^(Missing lock|Lock mismatch|.*not in the active state)/.test(error.message)
  );
}
