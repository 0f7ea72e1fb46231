/** Refuses tasks of a full queue. */
import type { Broker } from './broker.ts';
import { QueueFullError } from './errors.ts';
import type { TaskMessage } from './message.ts';

/** How long a queue's length is believed before it is read again. */
const LENGTH_AGE_MS = 250;

/** One for all sends that arrive before it is read: a burst is counted as a whole. */
interface Length {
  readonly read: Promise<number>;
  added: number;
  readonly readAt: number;
}

/**
 * A check that throws QueueFullError for tasks of a full queue. The length is read at most four
 * times a second, not at each send, and counted on in between.
 * @param max waiting tasks at which a queue takes no more; 0 = no limit
 * @param now epoch milliseconds: which tasks are due
 * @param elapsed milliseconds that only ever grow: how old a length is
 */
export function createAdmission(
  broker: Pick<Broker, 'backlog'>,
  max: number,
  now: () => number,
  elapsed = () => performance.now(),
) {
  const lengths = new Map<string, Length>();
  const lengthOf = (queue: string): Length => {
    const known = lengths.get(queue);
    if (known && elapsed() - known.readAt < LENGTH_AGE_MS) return known;
    const length = { read: broker.backlog(queue), added: 0, readAt: elapsed() };
    lengths.set(queue, length);
    // Whoever waits for it is told; the next one reads again.
    length.read.catch(() => lengths.delete(queue));
    return length;
  };
  return async (messages: readonly TaskMessage[]): Promise<void> => {
    if (max === 0) return;
    const due = messages.filter(({ body }) => (body.eta ?? 0) <= now());
    for (const queue of new Set(due.map((message) => message.queue))) {
      const length = lengthOf(queue);
      const count = due.filter((message) => message.queue === queue).length;
      if ((await length.read) + length.added + count > max) throw new QueueFullError(queue, max);
      length.added += count;
    }
  };
}
