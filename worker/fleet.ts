/** The consumers of a worker while it runs: one for each queue, added, cancelled, grown and shrunk. */
import { KajeError } from '../shared/errors.ts';
import { didYouMean } from '../shared/suggest.ts';
import type { Consumer } from './consumer.ts';

export interface QueueChoice {
  readonly name: string;
  /** Tasks at once. Default: that of the worker. */
  readonly concurrency?: number | undefined;
}

export type Totals = Consumer['totals'];

export interface FleetOptions {
  readonly queues: readonly QueueChoice[];
  /** Tasks at once of a queue for which nobody says it otherwise. */
  readonly concurrency: number;
  create(queue: string, concurrency: number): Consumer;
  /** Called when queues or concurrency have changed. */
  changed?(): void;
}

/** As heartbeats and answers show it. */
export interface FleetQueue {
  readonly name: string;
  readonly concurrency: number;
}

export interface Fleet {
  /** All consumers, also those that were cancelled and let their tasks end. */
  readonly consumers: readonly Consumer[];
  /** Those that take tasks. */
  readonly taking: readonly Consumer[];
  start(): void;
  /** Queues of which tasks are taken, or still run; before the start those that will be. */
  queues(): FleetQueue[];
  /** Tasks that run now. */
  active(): number;
  /** Since the start of the worker, also of consumers that are gone. */
  totals(): Totals;
  /** Takes tasks of one more queue; where it does so already, only the concurrency changes. */
  add(queue: string, concurrency?: number): void;
  /** Takes no more tasks of a queue; what runs ends. */
  cancel(queue: string): void;
  /** @param change slots more, or less; at least one stays. @param queue Default: each queue */
  resize(change: number, queue?: string): void;
  /** The consumer that takes tasks of the queue. */
  of(queue: string): Consumer;
  /** Takes no more tasks and resolves when the running ones have ended; see Consumer.stop. */
  stop(enough: AbortSignal): Promise<void>;
}

/** Slots of one queue: as many as the setting allows. */
const CONCURRENCY_MAX = 10_000;

export function createFleet({ queues, concurrency, create, changed }: FleetOptions): Fleet {
  const consumers: Consumer[] = [];
  const taking: Consumer[] = [];
  const ended = { fetched: 0, succeeded: 0, failed: 0, retried: 0 };
  const wanted = new Map(queues.map((each) => [each.name, each.concurrency ?? concurrency]));
  let isStarted = false;
  let isStopping = false;

  const find = (queue: string) => taking.find((each) => each.queue === queue);
  const of = (queue: string): Consumer => {
    const names = taking.map((each) => each.queue);
    return find(queue) ?? refuse(`it does not consume "${queue}"${didYouMean(queue, names)}`);
  };
  const open = (queue: string, count: number): void => {
    const consumer = create(queue, count);
    consumers.push(consumer);
    taking.push(consumer);
  };
  const forget = (consumer: Consumer): void => {
    remove(consumers, consumer);
    addTo(ended, consumer.totals);
    changed?.();
  };
  const mayChange = (): void => {
    if (isStopping) refuse('it is stopping');
  };

  return {
    consumers,
    taking,
    start() {
      isStarted = true;
      for (const [name, count] of wanted) open(name, count);
    },
    queues() {
      if (!isStarted) return queuesIn(wanted);
      const sorted = [...consumers].sort((a, b) => +taking.includes(a) - +taking.includes(b));
      return queuesIn(new Map(sorted.map((each) => [each.queue, each.concurrency])));
    },
    active: () => consumers.reduce((sum, { active }) => sum + active, 0),
    totals() {
      const all = { ...ended };
      for (const consumer of consumers) addTo(all, consumer.totals);
      return all;
    },
    add(queue, count) {
      mayChange();
      const known = find(queue);
      const slots = withinBounds(count ?? known?.concurrency ?? concurrency);
      if (known) known.setConcurrency(slots);
      else open(queue, slots);
      changed?.();
    },
    cancel(queue) {
      mayChange();
      const consumer = of(queue);
      remove(taking, consumer);
      // Never aborted by itself: the stop of the worker puts back what still runs then.
      void consumer.stop(new AbortController().signal).finally(() => forget(consumer));
      changed?.();
    },
    resize(change, queue) {
      mayChange();
      const meant = queue === undefined ? taking : [of(queue)];
      const slots = meant.map((each) => withinBounds(each.concurrency + change));
      meant.forEach((each, i) => {
        each.setConcurrency(slots[i] ?? each.concurrency);
      });
      changed?.();
    },
    of,
    async stop(enough) {
      isStopping = true;
      await Promise.all(consumers.map((consumer) => consumer.stop(enough)));
    },
  };
}

function queuesIn(concurrencies: ReadonlyMap<string, number>): FleetQueue[] {
  return [...concurrencies].map(([name, concurrency]) => ({ name, concurrency }));
}

function withinBounds(concurrency: number): number {
  if (concurrency <= CONCURRENCY_MAX) return Math.max(1, concurrency);
  return refuse(`expected at most ${CONCURRENCY_MAX} tasks of a queue at once, got ${concurrency}`);
}

function refuse(reason: string): never {
  throw new KajeError('COMMAND_REFUSED', reason);
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item);
  if (at >= 0) list.splice(at, 1);
}

function addTo(sum: { -readonly [K in keyof Totals]: number }, totals: Totals): void {
  sum.fetched += totals.fetched;
  sum.succeeded += totals.succeeded;
  sum.failed += totals.failed;
  sum.retried += totals.retried;
}
