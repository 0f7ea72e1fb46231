/** What a consumer has of BullMQ: tasks come from here and go back, locks are renewed, lost tasks are found. */

import { setTimeout as sleep } from 'node:timers/promises';
import { isNotConnectionError } from 'bullmq';
import { createAnnouncer } from '../shared/bus.ts';
import { createBackend } from './backend.ts';
import { createBatchFiling } from './batchFiling.ts';
import { finishTasks } from './bullScripts.ts';
import type { Delivery } from './delivery.ts';
import { type Ending, failed } from './ending.ts';
import { every } from './every.ts';
import { createFiling } from './filing.ts';
import { createLockKeeper } from './lockKeeper.ts';
import { LOCK_MS, STALLED_CHECK_MS } from './locks.ts';
import { returnOrphans } from './orphans.ts';
import { describeError } from './outcome.ts';
import { retentionOf } from './retention.ts';
import { createTaker } from './taker.ts';
import type { Tools } from './tools.ts';

export interface SourceOptions {
  readonly queue: string;
  readonly tools: Tools;
  /** Tasks at once. */
  concurrency(): number;
  /** Runs a task that was just taken, and says how it ended. */
  run(delivery: Delivery): Promise<Ending>;
  onFiled(delivery: Delivery, ending: Ending): void;
  /** These tasks are not this worker's any more. */
  onLost(ids: readonly string[]): void;
  onError(error: unknown): void;
}

export interface Source {
  /** Renews a lock; false when the task is not this worker's any more. */
  isMine(delivery: Delivery): Promise<boolean>;
  /** Stores how far a task is, and tells those who follow it. */
  updateProgress(id: string, progress: object): Promise<void>;
  /** There are more slots. */
  wake(): void;
  /** Takes no more and resolves when what runs is filed. */
  stop(): Promise<void>;
}

/** Milliseconds between two tries to file a task while Redis is away. */
const TRY_AGAIN_MS = 500;

/** Numbers the sources of this process: one that was given up may still run tasks beside the next. */
let sources = 0;

export function createSource(options: SourceOptions): Source {
  const { queue, tools, concurrency, run, onFiled, onLost, onError } = options;
  const { redis, keys, worker, log, config, clock } = tools;
  const backend = createBackend(queue, tools);
  const announce = createAnnouncer(redis, keys);
  const retention = retentionOf(tools);
  const alone = createFiling({ backend, worker, clock, keptS: retention.age }, announce);
  const script = finishTasks(redis);
  const filing =
    config.batching === 'on'
      ? createBatchFiling({ backend, keys, worker, retention, script, concurrency, alone })
      : alone;
  const extend = (ids: string[], tokens: string[]) => backend.extendLocks(ids, tokens, LOCK_MS);
  /** First part of the tokens of all slots here. */
  const tokenPrefix = `${tools.tokens}${sources++}`;
  const locks = createLockKeeper({
    extend,
    onLost,
    onError,
    onRenewing: () => tools.pulse.renewing(tokenPrefix),
    onRenewed: () => tools.pulse.renewed(tokenPrefix),
    log,
  });

  const findLost = async (): Promise<void> => {
    const ids = await backend.moveStalledJobsToWait();
    for (const task_id of ids)
      log.warn({ task_id, queue }, 'task of a lost worker goes back to its queue');
  };
  /** Of each slot, by its token, the task that it has. */
  const known = new Map<string, string>();
  /** The last take, which may be under way. */
  let taking: Promise<unknown> = Promise.resolve();
  const stopReturning = returnOrphans({
    redis,
    backend,
    isOurs: (token) => token.startsWith(`${tokenPrefix}:`),
    isKnown: (id, token) => known.get(token) === id,
    arrived: () => taking.catch(() => undefined),
    onFound: (task_id) =>
      log.warn({ task_id, queue }, 'task whose delivery was cut off goes back to its queue'),
    onError,
  });
  const lost = every('lost', STALLED_CHECK_MS, () => findLost().catch(onError), log);

  /** Waits for Redis as long as it takes: nobody else knows how the task has ended. */
  const file = async (delivery: Delivery, ending: Ending, mayFetch: () => boolean) => {
    for (;;) {
      try {
        return await filing.file(delivery, ending, mayFetch());
      } catch (error) {
        if (isNotConnectionError(error as Error) || redis.status === 'end') throw error;
        await sleep(TRY_AGAIN_MS);
      }
    }
  };
  const fileAndTell = async (
    delivery: Delivery,
    ending: Ending,
    mayFetch: () => boolean,
  ): Promise<Delivery | undefined> => {
    try {
      const next = await file(delivery, ending, mayFetch);
      onFiled(delivery, ending);
      return next;
    } catch (error) {
      // A success that BullMQ does not take is a failure, as its own worker has it.
      if (ending.kind !== 'completed' || !hasOpenChildren(error)) throw error;
      return fileAndTell(delivery, failure(delivery, error), mayFetch);
    }
  };
  const runAndFile = async (delivery: Delivery, mayFetch: () => boolean) => {
    const { id, token } = delivery;
    locks.hold(delivery);
    known.set(token, id);
    let next: Delivery | undefined;
    try {
      const ending = await run(delivery).catch((error: unknown) => failure(delivery, error));
      locks.release(delivery);
      next = await fileAndTell(delivery, ending, mayFetch);
    } catch (error) {
      locks.release(delivery);
      onError(error);
    }
    if (!next) known.delete(token);
    return next;
  };

  void locks.start();
  void lost.start();
  const taker = createTaker({
    tokenPrefix,
    backend,
    clock,
    take: (slots) => {
      const take = filing.take(slots);
      taking = take;
      return take;
    },
    concurrency,
    run: runAndFile,
    // BullMQ's sign that a task may be there.
    tellOthers: () => redis.zadd(String(backend.keys.marker), 0, '0'),
    onError,
  });
  return {
    isMine: async ({ id, token }) => (await extend([id], [token])).length === 0,
    async updateProgress(id, progress) {
      await backend.updateProgress(id, progress);
      announce(id);
    },
    wake: taker.wake,
    async stop() {
      await taker.stop();
      stopReturning();
      await Promise.all([locks.stop(), lost.stop()]);
      // At once: what still waits there is a look for tasks.
      await backend.close(true);
    },
  };
}

function failure(delivery: Delivery, error: unknown): Ending {
  return failed(describeError(error), delivery);
}

/** Codes of BullMQ for a task of which children wait or have failed. */
function hasOpenChildren(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === -4 || error.code === -9);
}
