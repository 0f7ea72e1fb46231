/** Gathers single sends into batches, so that those of one moment share one write to Redis. */
import { ADDS_AT_ONCE } from './broker.ts';
import type { TaskMessage } from './message.ts';
import { isNamed, type Sent, type Storage, type Store, storeFresh, storeNamed } from './storing.ts';

/** Turns of the event loop for which a batch may grow. */
const TURNS_MAX = 5;
/**
 * Messages that need not wait for more, and batches under way: with one batch of all that 64 connections
 * had sent, the API, Redis and the clients waited for each other in turns, a fifth of the time.
 */
const ENOUGH = 32;
const UNDER_WAY_MAX = 2;

interface Waiting {
  readonly message: TaskMessage;
  resolve(sent: Sent): void;
  reject(error: unknown): void;
}

/** Returns what stores a message with others of its moment, and answers each by itself. */
export function createGathering(storage: Storage): (message: TaskMessage) => Promise<Sent> {
  let waiting: Waiting[] = [];
  let underWay = 0;
  let isGathering = false;

  // What comes while batches are on their way makes the next one: the busier, the fewer writes for each.
  const flush = async (): Promise<void> => {
    if (waiting.length === 0 || underWay === UNDER_WAY_MAX) return;
    const batch = waiting.slice(0, ADDS_AT_ONCE);
    waiting = waiting.slice(ADDS_AT_ONCE);
    // Those under ids of clients are claimed first, which may take long; nobody waits for them.
    const named = batch.filter(({ message }) => isNamed(message));
    if (named.length > 0) void settle(named, storeNamed);
    underWay++;
    if (waiting.length > 0) gather();
    await Promise.all(freshLots(batch).map((lot) => settle(lot, storeFresh)));
    underWay--;
    if (waiting.length >= ENOUGH) void flush();
    else if (waiting.length > 0) gather();
  };
  // Behind every request that the sockets deliver, for as long as they deliver more with each turn of
  // the loop: a turn is some microseconds where nothing comes, and a write to Redis costs 15.
  const gather = (): void => {
    if (isGathering) return;
    isGathering = true;
    awaitMore(0, 1);
  };
  const awaitMore = (seen: number, turns: number): void => {
    setImmediate(() => {
      const { length } = waiting;
      if (length > seen && turns < TURNS_MAX) {
        awaitMore(length, turns + 1);
      } else {
        isGathering = false;
        void flush();
      }
    });
  };
  const settle = async (batch: readonly Waiting[], store: Store): Promise<void> => {
    try {
      const answers = await store(
        storage,
        batch.map(({ message }) => message),
      );
      batch.forEach((each, i) => {
        const answer = answers[i];
        if (answer instanceof Error) each.reject(answer);
        else if (answer) each.resolve(answer);
      });
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  };

  return (message) =>
    new Promise((resolve, reject) => {
      const length = waiting.push({ message, resolve, reject });
      // Behind all that this tick sends.
      if (length === ENOUGH) process.nextTick(flush);
      else gather();
    });
}

/** Ids that we made cannot be taken yet: one write to each queue. */
function freshLots(batch: readonly Waiting[]): Waiting[][] {
  const queues = new Map<string, Waiting[]>();
  for (const each of batch) {
    const { queue } = each.message;
    if (isNamed(each.message)) continue;
    const lot = queues.get(queue);
    if (lot) lot.push(each);
    else queues.set(queue, [each]);
  }
  return [...queues.values()];
}
