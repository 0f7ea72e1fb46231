/**
 * Follows tasks for whoever waits: push first, poll as the net. Many waiters of one process
 * share one subscription and read what changed in one round trip a tick.
 */
import type { Broker } from './broker.ts';
import type { TaskRecord } from './results.ts';

export interface Watcher {
  /** Calls `seen` with the record now (null: unknown) and whenever it may have changed, until stopped. */
  watch(
    id: string,
    seen: (record: TaskRecord | null) => void,
    options?: { live?: boolean },
  ): () => void;
  /**
   * The record as soon as the task is final, or as it stands after `waitMs`; null when unknown.
   * @param waitMs milliseconds; 0 reads once
   * @param signal ends the wait early, with the record as it stands
   * @param isNew it was stored a moment ago, so it need not be read before somebody tells of it
   */
  wait(
    id: string,
    waitMs: number,
    signal?: AbortSignal,
    isNew?: boolean,
  ): Promise<TaskRecord | null>;
}

/** A start is told by nobody (it would cost each task a message), so who follows live looks more often. */
const LOOK_LIVE_MS = 250;
const LOOKS_UNTIL_NET = 4;

interface Follower {
  readonly id: string;
  readonly live: boolean;
  seen(record: TaskRecord | null): void;
}

export function createWatcher(broker: Pick<Broker, 'read' | 'listen'>): Watcher {
  const followers = new Map<string, Set<Follower>>();
  let dirty = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let looks = 0;

  const flush = async (): Promise<void> => {
    const ids = [...dirty].filter((id) => followers.has(id));
    dirty = new Set();
    if (ids.length === 0) return;
    // A failed read is repeated by the net; waiters time out on their own.
    const records = await broker.read(ids).catch(() => undefined);
    if (!records) return;
    ids.forEach((id, i) => {
      for (const follower of [...(followers.get(id) ?? [])]) follower.seen(records[i] ?? null);
    });
  };
  const look = (id: string) => {
    if (dirty.size === 0) setImmediate(flush);
    dirty.add(id);
  };
  const lookAround = () => {
    const all = ++looks % LOOKS_UNTIL_NET === 0;
    for (const [id, each] of followers) if (all || [...each].some(({ live }) => live)) look(id);
  };

  const watch: Watcher['watch'] = (id, seen, { live = false } = {}) => {
    const follower: Follower = { id, live, seen };
    const mine = followers.get(id) ?? new Set();
    followers.set(id, mine.add(follower));
    timer ??= setInterval(lookAround, LOOK_LIVE_MS);
    const listening = broker.listen(id, () => look(id));
    // Read once it listens: what happens from then on is told.
    listening.then(
      () => look(id),
      () => look(id),
    );
    return () => {
      listening.then(
        (stop) => stop(),
        () => undefined,
      );
      if (!mine.delete(follower) || mine.size > 0) return;
      followers.delete(id);
      if (followers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  };

  const readSoon = createBatchReader(broker);
  const wait: Watcher['wait'] = async (id, waitMs, signal, isNew = false) => {
    const readNow = () => readSoon(id);
    // First of all as it is: an outage is told at once, and what has ended needs no subscription.
    if (!isNew || signal?.aborted) {
      const first = await readNow();
      if (!first || first.result.ready || waitMs <= 0 || signal?.aborted) return first;
    }
    return new Promise((resolve, reject) => {
      const finish = (end: () => void) => {
        clearTimeout(timeout);
        signal?.removeEventListener('abort', giveUp);
        stop();
        end();
      };
      const stop = watch(id, (record) => {
        if (!record || record.result.ready) finish(() => resolve(record));
      });
      const giveUp = () => finish(() => readNow().then(resolve, reject));
      const timeout = setTimeout(giveUp, waitMs);
      signal?.addEventListener('abort', giveUp);
    });
  };

  return { watch, wait };
}

/** Reads one task; those asked for in one tick are read in one round trip. */
function createBatchReader(broker: Pick<Broker, 'read'>) {
  let ids: string[] = [];
  let reading: Promise<(TaskRecord | null)[]> | undefined;

  const readAll = async (): Promise<(TaskRecord | null)[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    const batch = ids;
    ids = [];
    reading = undefined;
    return broker.read(batch);
  };
  return async (id: string): Promise<TaskRecord | null> => {
    const place = ids.push(id) - 1;
    reading ??= readAll();
    return (await reading)[place] ?? null;
  };
}
