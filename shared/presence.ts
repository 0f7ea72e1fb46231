/**
 * Which workers are there, for one who follows the events: from what they tell themselves, and
 * from looks at their heartbeats, which alone show a worker that died without a word.
 */
import { type ClusterEvent, workerEvent } from './clusterEvents.ts';
import type { WorkerBody } from './schemas.ts';

export interface Presence {
  /** What of this news is to be passed on: all but what a look has found out before. */
  hear(events: readonly ClusterEvent[], nowMs: number): readonly ClusterEvent[];
  /** What a look at the heartbeats shows that nobody has told. The first one shows nothing. */
  look(beating: readonly Beat[], nowMs: number): ClusterEvent[];
  /** A look failed: heartbeats of an outage are missing in the next one, of workers that live. */
  missed(nowMs: number): void;
}

type Beat = Pick<WorkerBody, 'id' | 'heartbeat_at'>;

/** @param patienceMs a worker that has not beaten for so long is gone */
export function createPresence(patienceMs: number): Presence {
  /** id -> until when its first heartbeat is waited for, epoch ms; 0 for one that has beaten. */
  const alive = new Map<string, number>();
  /** id -> time of its goodbye, on its own clock: beats before that are old news. */
  const goodbyes = new Map<string, string>();
  /** What looks have found out, and until when the worker's own word for it is an echo. */
  const found = new Map<string, number>();
  let hasLooked = false;
  let quietUntil = 0;

  const findOut = (type: 'worker-online' | 'worker-offline', id: string, nowMs: number) => {
    found.set(`${type} ${id}`, nowMs + patienceMs);
    return workerEvent(type, id, nowMs);
  };
  const note = (event: ClusterEvent, nowMs: number): boolean => {
    if (event.type !== 'worker-online' && event.type !== 'worker-offline') return true;
    const { type, worker, timestamp } = event;
    if (type === 'worker-online') {
      goodbyes.delete(worker);
      if (!alive.has(worker)) alive.set(worker, nowMs + patienceMs);
    } else {
      alive.delete(worker);
      goodbyes.set(worker, timestamp);
    }
    const echoUntil = found.get(`${type} ${worker}`) ?? 0;
    found.delete(`${type} ${worker}`);
    return echoUntil <= nowMs;
  };
  const appeared = (ids: ReadonlySet<string>, nowMs: number) => {
    const fresh = [...ids].filter((id) => !alive.has(id));
    for (const id of ids) alive.set(id, 0);
    return hasLooked ? fresh.map((id) => findOut('worker-online', id, nowMs)) : [];
  };
  const vanished = (ids: ReadonlySet<string>, nowMs: number) => {
    if (nowMs < quietUntil) return [];
    const gone = [...alive].filter(([id, until]) => !ids.has(id) && until <= nowMs);
    for (const [id] of gone) alive.delete(id);
    return gone.map(([id]) => findOut('worker-offline', id, nowMs));
  };

  return {
    hear: (events, nowMs) => events.filter((event) => note(event, nowMs)),
    look(beating, nowMs) {
      const listed = new Set(beating.map(({ id }) => id));
      for (const id of goodbyes.keys()) if (!listed.has(id)) goodbyes.delete(id);
      // A look may be older than a goodbye that was heard meanwhile.
      const living = beating.filter(({ id, heartbeat_at: at }) => at > (goodbyes.get(id) ?? ''));
      const ids = new Set(living.map(({ id }) => id));
      const news = [...vanished(ids, nowMs), ...appeared(ids, nowMs)];
      for (const [what, until] of found) if (until <= nowMs) found.delete(what);
      hasLooked = true;
      return news;
    },
    missed(nowMs) {
      quietUntil = nowMs + patienceMs;
    },
  };
}
