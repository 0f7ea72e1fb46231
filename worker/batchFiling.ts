/**
 * Files the tasks that end in one tick by one script, which takes as many new ones. BullMQ runs a
 * script for each, and two thirds of its time in Redis go into making that script's functions.
 */
import { newsOf } from '../shared/bus.ts';
import type { Keys } from '../shared/keys.ts';
import type { Backend } from './backend.ts';
import type { FinishTasks } from './bullScripts.ts';
import { type Delivery, deliveryOfValues, type TakenValues } from './delivery.ts';
import type { Ending } from './ending.ts';
import type { Filing, Taken } from './filing.ts';
import { LOCK_MS } from './locks.ts';
import { ownLifetime } from './retention.ts';

export interface BatchFilingOptions {
  readonly backend: Backend;
  readonly keys: Keys;
  readonly worker: string;
  readonly retention: { readonly age: number; readonly count: number; readonly limit: number };
  /** Runs the script: shared/lua/finishTasks.lua. */
  readonly script: FinishTasks;
  /** Slots of the worker. */
  concurrency(): number;
  /** For all that is not the standard case. */
  readonly alone: Filing;
}

/** Endings in one script: it keeps Redis from others for less than 2 ms. */
const TOGETHER_MAX = 50;
/** One script on its way and one in Redis keep both sides busy. */
const UNDER_WAY_MAX = 2;
/**
 * Milliseconds between two scripts. Redis answers what it reads at once when it has done all of it:
 * two halves of the slots that are sent together come back together, and from then on Redis rests
 * while both run, and the worker while both are filed.
 */
const APART_MS = 0.15;

type Standard = Extract<Ending, { kind: 'completed' | 'failed' }>;

interface Waiting {
  readonly delivery: Delivery;
  readonly ending: Standard;
  readonly fetchNext: boolean;
  resolve(next: Delivery | undefined | Promise<Delivery | undefined>): void;
  reject(error: unknown): void;
}

/** Of each ending a code; each task taken; whether more wait (1); when the next is due, where none does. */
type Reply = readonly [
  codes: number[],
  taken: [slot: number, id: string, values: TakenValues][],
  more: number,
  due: number,
];

/** The task has parents, children or the like. */
const SLOW = -1000;

export function createBatchFiling(options: BatchFilingOptions): Filing {
  const { backend, keys, alone } = options;
  const head = headOf(options);
  const keptS = options.retention.age;
  let waiting: Waiting[] = [];
  let underWay = 0;
  let sentAt = 0;
  let isDue = false;

  /** undefined: the queue has limits of BullMQ's own. */
  const run = async (args: readonly (string | number)[], files: boolean) => {
    const all = [...head.keys, head.prefix, ...head.args, ...args];
    // What the script answers, its own text says.
    const reply = (await options.script(all, files)) as Reply | 0;
    return reply === 0 ? undefined : reply;
  };
  /** Half of the slots: one half runs while Redis files the other. */
  const together = () => Math.min(TOGETHER_MAX, Math.ceil(options.concurrency() / 2));
  const flush = (): void => {
    if (waiting.length === 0 || underWay === UNDER_WAY_MAX) return;
    if (underWay > 0 && performance.now() - sentAt < APART_MS) {
      flushSoon();
      return;
    }
    const batch = waiting.slice(0, together());
    waiting = waiting.slice(batch.length);
    sentAt = Number.POSITIVE_INFINITY;
    void fileAll(batch);
    // Not before this turn ends are they written (shared/redis.ts).
    process.nextTick(() => {
      sentAt = performance.now();
    });
    if (waiting.length > 0) flushSoon();
  };
  // Behind everything that this turn of the loop brings.
  const flushSoon = (): void => {
    if (isDue) return;
    isDue = true;
    setImmediate(() => {
      isDue = false;
      flush();
    });
  };
  const fileAll = async (batch: readonly Waiting[]): Promise<void> => {
    underWay++;
    try {
      const news = newsOf(
        batch.map(({ delivery }) => delivery.id),
        keys,
      );
      const args = [news.length, ...news.flat(), ...batch.flatMap((each) => argsOf(each, keptS))];
      const reply = await run(args, true);
      if (reply) answerAll(batch, reply);
      else for (const each of batch) fileAlone(each);
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
    underWay--;
    flushSoon();
  };
  const fileAlone = ({ delivery, ending, fetchNext, resolve }: Waiting): void =>
    resolve(alone.file(delivery, ending, fetchNext));
  const answerAll = (batch: readonly Waiting[], [codes, taken]: Reply): void => {
    const next = new Map(taken.map((each) => [each[0] - 1, each]));
    for (const [i, each] of batch.entries()) {
      const code = codes[i] ?? 0;
      const [, id, values] = next.get(i) ?? [];
      if (code === SLOW) fileAlone(each);
      else if (code < 0) each.reject(refusal(backend, each.delivery.id, code));
      else each.resolve(values && deliveryOfValues(values, id ?? '', each.delivery.token));
    }
  };

  return {
    async take(slots) {
      const reply = await run(
        [0, ...slots.flatMap((token) => ['', token, 'take', '', '', 0, 1, ''])],
        false,
      );
      return reply ? takenOf(reply, slots) : alone.take(slots);
    },
    async file(delivery, ending, fetchNext) {
      if (!isStandard(ending, delivery)) return alone.file(delivery, ending, fetchNext);
      return new Promise((resolve, reject) => {
        const count = waiting.push({ delivery, ending, fetchNext, resolve, reject });
        if (count >= together()) flush();
        else flushSoon();
      });
    },
  };
}

function headOf({ backend: { keys }, worker, retention }: BatchFilingOptions) {
  const { age, count, limit } = retention;
  return {
    keys: [
      keys.wait,
      keys.active,
      keys.prioritized,
      keys.events,
      keys.stalled,
      keys.delayed,
      keys.meta,
      keys.pc,
      keys.marker,
      keys.completed,
      keys.failed,
    ].map(String),
    prefix: String(keys['']),
    // Where BullMQ's scripts have the time; ours set it by the clock of Redis (bullScripts.ts).
    args: ['', LOCK_MS, worker, age, count, limit],
  };
}

/** Whether the script knows how to file it: not what goes back to its queue, nor what keeps its own results. */
function isStandard(ending: Ending, { opts }: Delivery): ending is Standard {
  if (ending.kind === 'completed') return opts.removeOnComplete === undefined;
  return ending.kind === 'failed' && opts.removeOnFail === undefined;
}

function argsOf({ delivery, ending, fetchNext }: Waiting, keptS: number): (string | number)[] {
  const { id, token, opts } = delivery;
  const [value, stacktrace] =
    ending.kind === 'completed' ? [ending.value, ''] : [ending.reason, ending.stacktrace];
  const how = [Number(opts.attempts) || 0, fetchNext ? 1 : 0, ownLifetime(delivery, keptS)];
  return [id, token, ending.kind, value, stacktrace, ...how];
}

function takenOf([, taken, more, due]: Reply, slots: readonly string[]): Taken {
  const deliveries = taken.map(([slot, id, values]) =>
    deliveryOfValues(values, id, slots[slot - 1] ?? ''),
  );
  return { deliveries, isMore: more > 0, dueMs: Math.max(0, due) };
}

function refusal(backend: Backend, jobId: string, code: number): Error {
  return backend.finishedErrors({ code, jobId, command: 'moveToFinished', state: 'active' });
}
