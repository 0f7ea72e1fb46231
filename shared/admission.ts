/** Refuses tasks of a full queue. */
import type { Broker } from './broker.ts';
import { QueueFullError } from './errors.ts';
import type { TaskMessage } from './message.ts';

/** How long a queue's length is believed before it is read again. */
const LENGTH_AGE_MS = 250;

/**
 * A check that throws QueueFullError for tasks of a full queue. The length is read at most four
 * times a second, not at each send, and counted on in between.
 * @param max waiting tasks at which a queue takes no more; 0 = no limit
 */
export function createAdmission(broker: Pick<Broker, 'backlog'>, max: number, now: () => number) {
  const lengths = new Map<string, { length: number; readAt: number }>();
  const lengthOf = async (queue: string) => {
    const known = lengths.get(queue);
    if (known && now() - known.readAt < LENGTH_AGE_MS) return known;
    const read = { length: await broker.backlog(queue), readAt: now() };
    lengths.set(queue, read);
    return read;
  };
  return async (messages: readonly TaskMessage[]): Promise<void> => {
    if (max === 0) return;
    const due = messages.filter(({ body }) => body.eta === undefined);
    for (const queue of new Set(due.map((message) => message.queue))) {
      const known = await lengthOf(queue);
      known.length += due.filter((message) => message.queue === queue).length;
      if (known.length > max) throw new QueueFullError(queue, max);
    }
  };
}
