/** Keeps queues within their maximum length: the broker counts in the very write that adds. */
import type { Broker, FullQueue } from './broker.ts';
import { QueueFullError } from './errors.ts';
import { delayOf, type TaskMessage } from './message.ts';

/** How long a queue that was full is believed to be so: a flood of sends costs no writes. */
const ROOM_AGE_MS = 250;

export interface Admission {
  /** Adds all or none. Throws QueueFullError. */
  addAll(messages: readonly TaskMessage[]): Promise<void>;
  /** Adds what fits, the first ones first; resolves with why the others were refused. */
  addFitting(messages: readonly TaskMessage[]): Promise<ReadonlyMap<TaskMessage, QueueFullError>>;
}

/**
 * @param max waiting tasks at which a queue takes no more; 0 = no limit
 * @param elapsed milliseconds that only ever grow: how old a refusal is
 */
export function createAdmission(
  broker: Pick<Broker, 'add'>,
  max: number,
  elapsed = () => performance.now(),
): Admission {
  /** Room of the queues that were full, and since when the first of them is. */
  const rooms = new Map<string, number>();
  let since = 0;

  const believedFull = (messages: readonly TaskMessage[]): FullQueue | undefined => {
    if (rooms.size === 0) return undefined;
    if (elapsed() - since >= ROOM_AGE_MS) rooms.clear();
    const [full] = [...rooms].filter(([queue, room]) => waitingIn(queue, messages).length > room);
    return full && { queue: full[0], room: full[1] };
  };
  const add = async (messages: readonly TaskMessage[]): Promise<FullQueue | undefined> => {
    const believed = believedFull(messages);
    if (believed) return believed;
    const full = await broker.add(messages, max);
    if (!full) return undefined;
    if (rooms.size === 0) since = elapsed();
    rooms.set(full.queue, full.room);
    return full;
  };

  return {
    async addAll(messages) {
      const full = await add(messages);
      if (full) throw new QueueFullError(full.queue, max);
    },
    async addFitting(messages) {
      const refused = new Map<TaskMessage, QueueFullError>();
      // Each round takes some away.
      for (let fitting = messages; fitting.length > 0; ) {
        const full = await add(fitting);
        if (!full) break;
        const { queue, room } = full;
        for (const message of waitingIn(queue, fitting).slice(room)) {
          refused.set(message, new QueueFullError(queue, max));
        }
        fitting = fitting.filter((message) => !refused.has(message));
      }
      return refused;
    },
  };
}

/** Those that wait there at once: what is due later does not yet. */
function waitingIn(queue: string, messages: readonly TaskMessage[]): TaskMessage[] {
  return messages.filter((message) => message.queue === queue && delayOf(message) === 0);
}
