/** Renews the locks of the tasks that this worker holds, all of a queue with one script. */
import { IdMap } from '../shared/idMap.ts';
import type { Log } from '../shared/log.ts';
import type { Delivery } from './delivery.ts';
import { every, type Service } from './every.ts';
import { LOCK_RENEW_MS } from './locks.ts';

export interface LockKeeperOptions {
  /** Renews locks; resolves with the ids of those that are not this worker's any more. */
  extend(ids: string[], tokens: string[]): Promise<string[]>;
  onLost(ids: readonly string[]): void;
  onError(error: unknown): void;
  /** Some are due. */
  onRenewing(): void;
  /** All that were due are renewed, or none was; or nobody renews them any more. */
  onRenewed(): void;
  readonly log: Log;
}

export interface LockKeeper extends Service {
  /** Of one task the latest delivery counts: an earlier one was lost, and came back here. */
  hold(delivery: Delivery): void;
  /** It is about to be filed, which needs the lock for the last time. */
  release(delivery: Delivery): void;
}

const LOOK_MS = LOCK_RENEW_MS / 2;

export function createLockKeeper(options: LockKeeperOptions): LockKeeper {
  const { extend, onLost, onError, onRenewing, onRenewed, log } = options;
  /** Of each task held, by its id, since when the lock stands. */
  const held = new IdMap<{ readonly delivery: Delivery; since: number }>();

  /** Whether Redis has answered. */
  const renew = async (due: readonly Delivery[]): Promise<boolean> => {
    const ids = due.map(({ id }) => id);
    const tokens = due.map(({ token }) => token);
    try {
      const lost = await extend(ids, tokens);
      if (lost.length > 0) onLost(lost);
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  };
  const pass = async (): Promise<void> => {
    const now = performance.now();
    // What was taken a moment ago may be over in another.
    const due = held.values().filter(({ since }) => now - since >= LOOK_MS);
    for (const each of due) each.since = now;
    if (due.length > 0) onRenewing();
    if (due.length === 0 || (await renew(due.map(({ delivery }) => delivery)))) return onRenewed();
    // Due at the next pass whenever that is, or it would find nothing due and say that all is renewed.
    for (const each of due) each.since = Number.NEGATIVE_INFINITY;
  };
  const loop = every('locks', LOOK_MS, pass, log);
  return {
    ...loop,
    async stop() {
      await loop.stop();
      onRenewed();
    },
    hold: (delivery) => void held.set(delivery.id, { delivery, since: performance.now() }),
    release(delivery) {
      if (held.get(delivery.id)?.delivery === delivery) held.delete(delivery.id);
    },
  };
}
