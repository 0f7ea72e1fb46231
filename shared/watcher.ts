/**
 * Follows tasks for whoever waits: push first, poll as the net. Many waiters of one process
 * share one subscription and read what changed in one round trip a tick.
 */
import type { Leaving } from './abort.ts';
import type { Broker } from './broker.ts';
import { IdMap } from './idMap.ts';
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
   * @param leaving ends the wait early, with the record as it stands
   * @param news of a task that was stored since: it need not be read before somebody tells of it
   */
  wait(id: string, waitMs: number, leaving?: Leaving, news?: News): Promise<TaskRecord | null>;
  /** Listens to news of a task that is about to be stored; for `wait`, or to be stopped. */
  expect(id: string): News;
}

/** What is told of a task while nobody waits for it yet. */
export interface News {
  readonly id: string;
  /** Calls `changed` at once where something was told before or may have been missed, then at all news. */
  follow(changed: () => void): void;
  stop(): void;
}

/** A start is told by nobody (it would cost each task a message), so who follows live looks more often. */
const LOOK_LIVE_MS = 250;
const LOOKS_UNTIL_NET = 4;

interface Follower {
  readonly id: string;
  readonly live: boolean;
  seen(record: TaskRecord | null): void;
}

export function createWatcher(broker: Pick<Broker, 'read' | 'listen' | 'hears'>): Watcher {
  const followers = new IdMap<Set<Follower>>();
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
  const isLive = (id: string) => [...(followers.get(id) ?? [])].some(({ live }) => live);
  const lookAround = () => {
    const all = ++looks % LOOKS_UNTIL_NET === 0;
    for (const id of followers.ids()) if (all || isLive(id)) look(id);
  };

  /** @param hears whether nothing is missed from now on, though `listen` has not resolved yet */
  const listenTo = (id: string, hears: boolean): News => {
    let isTold = false;
    let changed = () => {
      isTold = true;
    };
    const listening = broker.listen(id, () => changed());
    listening.catch(() => undefined); // Who follows looks now and then.
    return {
      id,
      follow(follower) {
        changed = follower;
        if (isTold || !hears) listening.then(follower, follower);
      },
      stop() {
        listening.then(
          (stop) => stop(),
          () => undefined,
        );
      },
    };
  };
  const follow = (follower: Follower, news: News): (() => void) => {
    const { id } = follower;
    const mine = followers.get(id) ?? new Set();
    followers.set(id, mine.add(follower));
    timer ??= setInterval(lookAround, LOOK_LIVE_MS);
    news.follow(() => look(id));
    return () => {
      news.stop();
      if (!mine.delete(follower) || mine.size > 0) return;
      followers.delete(id);
      if (followers.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  };

  const readSoon = createBatchReader(broker);
  const untilFinal = (news: News, waitMs: number, leaving: Leaving): Promise<TaskRecord | null> =>
    new Promise((resolve, reject) => {
      const { id } = news;
      const finish = (end: () => void) => {
        clearTimeout(timeout);
        goOn();
        stop();
        end();
      };
      const seen = (record: TaskRecord | null) => {
        if (!record || record.result.ready) finish(() => resolve(record));
      };
      const stop = follow({ id, live: false, seen }, news);
      const giveUp = () => finish(() => readSoon(id).then(resolve, reject));
      const timeout = setTimeout(giveUp, waitMs);
      const goOn = leaving(giveUp);
    });

  return {
    watch: (id, seen, { live = false } = {}) =>
      // Read once it listens: what happens from then on is told.
      follow({ id, live, seen }, listenTo(id, false)),
    expect: (id) => listenTo(id, broker.hears(id)),
    async wait(id, waitMs, leaving = stay, expected) {
      if (expected) return untilFinal(expected, waitMs, leaving);
      // Where its channel is open already, it need not be read once more when that is confirmed.
      const news = waitMs > 0 && broker.hears(id) ? listenTo(id, true) : undefined;
      // First of all as it is: an outage is told at once, and what has ended needs no subscription.
      const first = await readSoon(id).catch((error: unknown) => {
        news?.stop();
        throw error;
      });
      if (first && !first.result.ready && waitMs > 0) {
        return untilFinal(news ?? listenTo(id, false), waitMs, leaving);
      }
      news?.stop();
      return first;
    },
  };
}

/** Whoever never leaves. */
const stay: Leaving = () => () => undefined;

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
