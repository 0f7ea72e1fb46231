/** Renews the locks of the tasks that this worker holds, all of a queue with one script. */
import type { Log } from '../shared/log.ts';
import type { Delivery } from './delivery.ts';
import { every, type Service } from './every.ts';
import { LOCK_RENEW_MS } from './locks.ts';

export interface LockKeeperOptions {
  /** Renews locks; resolves with the ids of those that are not this worker's any more. */
  extend(ids: string[], tokens: string[]): Promise<string[]>;
  onLost(ids: readonly string[]): void;
  onError(error: unknown): void;
  readonly log: Log;
}

export interface LockKeeper extends Service {
  hold(delivery: Delivery): void;
  /** It is about to be filed, which needs the lock for the last time. */
  release(delivery: Delivery): void;
}

const LOOK_MS = LOCK_RENEW_MS / 2;

export function createLockKeeper({ extend, onLost, onError, log }: LockKeeperOptions): LockKeeper {
  /** Of each task held, when its lock was set. */
  const held = new Map<Delivery, number>();

  const pass = async (): Promise<void> => {
    const now = performance.now();
    // What was taken a moment ago may be over in another.
    const due = [...held].filter(([, since]) => now - since >= LOOK_MS).map(([each]) => each);
    for (const each of due) held.set(each, now);
    if (due.length === 0) return;
    await extend(
      due.map(({ id }) => id),
      due.map(({ token }) => token),
    ).then((lost) => lost.length > 0 && onLost(lost), onError);
  };
  return {
    ...every('locks', LOOK_MS, pass, log),
    hold: (delivery) => void held.set(delivery, performance.now()),
    release: (delivery) => void held.delete(delivery),
  };
}
