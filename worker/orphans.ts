/**
 * Finds tasks that Redis has given to this worker with an answer that a broken connection has swallowed.
 * They are locked by a slot that knows nothing of them, and would wait until the lock runs out.
 */
import type { Redis } from '../shared/redis.ts';
import type { Backend } from './backend.ts';

export interface OrphansOptions {
  readonly redis: Redis;
  readonly backend: Backend;
  /** Whether a lock has been set for a slot of this worker. */
  isOurs(token: string): boolean;
  /** Whether the task has come to this slot, and is not filed yet. */
  isKnown(id: string, token: string): boolean;
  /** Resolves when the tasks that are on their way now have arrived. */
  arrived(): Promise<unknown>;
  onFound(id: string): void;
  onError(error: unknown): void;
}

/** Puts them back to the front of their queue each time the connection is made anew, until told to stop. */
export function returnOrphans(options: OrphansOptions): () => void {
  const { redis, backend, isOurs, isKnown, arrived, onFound, onError } = options;
  /** Which look is the latest: one that slept through another outage knows nothing any more. */
  let latest = 0;

  const look = async (): Promise<void> => {
    const mine = ++latest;
    const ids = await redis.lrange(String(backend.keys.active), 0, -1);
    if (ids.length === 0) return;
    const locks = await redis.mget(ids.map((id) => `${backend.keys['']}${id}:lock`));
    const isOrphan = ({ id, token }: Held) => mine === latest && !isKnown(id, token);
    // What was sent before the look is answered by now, and behind this turn its tasks are known.
    await new Promise(setImmediate);
    const missed = heldOf(ids, locks).filter((each) => isOurs(each.token) && isOrphan(each));
    // But BullMQ's scripts take tasks one by one, and its slots get them when all have come.
    await arrived();
    await new Promise(setImmediate);
    const orphans = missed.filter(isOrphan);
    const returned = orphans.map(({ id, token }) =>
      backend.moveJobFromActiveToWait(id, token).then(() => onFound(id), onError),
    );
    await Promise.all(returned);
  };
  const lookAgain = () => void look().catch(onError);
  redis.on('ready', lookAgain);
  return () => {
    latest++;
    redis.off('ready', lookAgain);
  };
}

interface Held {
  readonly id: string;
  readonly token: string;
}

function heldOf(ids: readonly string[], locks: readonly (string | null)[]): Held[] {
  return ids.flatMap((id, i) => {
    const token = locks[i];
    return token ? [{ id, token }] : [];
  });
}
