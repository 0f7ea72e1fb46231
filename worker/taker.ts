/**
 * Keeps the slots of one queue busy: takes tasks as long as slots are free, waits while there are
 * none. A slot that files its task gets the next one with the same call.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { atMost } from '../shared/atMost.ts';
import type { RedisClock } from '../shared/brokers/clock.ts';
import type { Backend } from './backend.ts';
import type { Delivery } from './delivery.ts';
import type { Filing } from './filing.ts';

export interface TakerOptions {
  /** First part of the tokens of its slots. */
  readonly tokenPrefix: string;
  readonly backend: Backend;
  readonly clock: Pick<RedisClock, 'now'>;
  readonly take: Filing['take'];
  /** Slots. */
  concurrency(): number;
  /**
   * Runs a task and files it; resolves with the next one of its slot, never rejects.
   * @param mayFetch whether the slot may have one
   */
  run(delivery: Delivery, mayFetch: () => boolean): Promise<Delivery | undefined>;
  /** Makes another worker look for tasks. */
  tellOthers(): Promise<unknown>;
  /** Told what went wrong with Redis; it is tried again. */
  onError(error: unknown): void;
}

export interface Taker {
  /** The number of slots has grown. */
  wake(): void;
  /** Takes no more tasks and resolves when the running ones are filed. */
  stop(): Promise<void>;
}

/** Tasks taken at once at most. It begins with one and doubles, so that a few are spread over all workers. */
const TAKE_MAX = 32;
/** Seconds until a look without news of tasks; of what BullMQ tells by its marker, nothing gets lost in practice. */
const LOOK_S = 5;
const TRY_AGAIN_MS = 500;
/** Milliseconds that a stop waits for Redis, which may be away. */
const TOLD_WITHIN_MS = 500;

export function createTaker(options: TakerOptions): Taker {
  const { tokenPrefix, backend, clock, take, concurrency, run, tellOthers, onError } = options;
  let slots = 0;
  let busy = 0;
  let isStopping = false;
  /** Ends the pause that the loop makes now. */
  let goOn: () => void = () => undefined;

  const mayFetch = () => !isStopping && busy <= concurrency();
  const occupy = async (first: Delivery): Promise<void> => {
    busy++;
    let delivery: Delivery | undefined = first;
    while (delivery) delivery = await run(delivery, mayFetch);
    busy--;
    if (busy === 0 || busy < concurrency()) freed();
  };
  let freed: () => void = () => undefined;
  const untilFreed = () => new Promise<void>((resolve) => (freed = resolve));

  const fill = async (): Promise<void> => {
    let most = 1;
    while (!isStopping) {
      const room = Math.min(concurrency() - busy, most);
      if (room <= 0) {
        await untilFreed();
        continue;
      }
      const tokens = Array.from({ length: room }, () => `${tokenPrefix}:${slots++}`);
      const { deliveries, isMore, dueMs } = await take(tokens);
      for (const delivery of deliveries) void occupy(delivery);
      most = isMore ? Math.min(2 * most, TAKE_MAX) : 1;
      // A full worker must not listen: it would take the sign that another one waits for.
      if (!isMore && busy < concurrency()) await untilDue(dueMs);
    }
  };
  /** Until a task may be there: one was added, or is due. */
  const untilDue = async (dueMs: number): Promise<void> => {
    let due = dueMs > 0 ? dueMs : Number.POSITIVE_INFINITY;
    while (!isStopping) {
      const waitS = (due - clock.now()) / 1000;
      if (waitS < backend.minimumBlockTimeout) return;
      const score = await untilMarked(Math.min(waitS, LOOK_S));
      if (score === 0) return;
      due = Math.min(due, score);
    }
  };
  /** BullMQ's marker: 0 when a task waits, or nobody knows; else when the next one is due. */
  const untilMarked = (seconds: number): Promise<number> =>
    new Promise((resolve, reject) => {
      goOn = () => resolve(0);
      backend.waitForJob(seconds).then((marker) => resolve(marker?.score ?? 0), reject);
    });
  const keepFilling = async (): Promise<void> => {
    while (!isStopping) {
      try {
        await fill();
      } catch (error) {
        onError(error);
        await sleep(TRY_AGAIN_MS);
        if (!isStopping) await backend.reconnectBlocking().catch(onError);
      }
    }
  };

  const filling = keepFilling();
  return {
    wake: () => freed(),
    async stop() {
      isStopping = true;
      freed();
      goOn();
      // Redis would tell this one of the next task that comes, and perhaps just has: others are told.
      const told = backend
        .disconnectBlocking(true)
        .then(tellOthers)
        .catch(() => undefined);
      await filling;
      while (busy > 0) await untilFreed();
      // Whoever stops this one closes the connection next, and the word to the others would be lost.
      await atMost(TOLD_WITHIN_MS, told);
    },
  };
}
