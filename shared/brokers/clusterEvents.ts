/**
 * The events of the cluster at a broker: told of what it stores, and handed to those who follow
 * here. While somebody does, a key says so to all workers and producers.
 */
import type { Redis } from 'ioredis';
import { atMost } from '../atMost.ts';
import type { Broker } from '../broker.ts';
import type { Bus } from '../bus.ts';
import { type ClusterEvent, revokedEvent } from '../clusterEvents.ts';
import type { Keys } from '../keys.ts';
import { createPresence, type Presence } from '../presence.ts';
import { ANSWER_WITHIN_MS, answered } from '../redis.ts';
import type { TaskRecord } from '../results.ts';
import type { WorkerBody } from '../schemas.ts';
import { takeTurn } from '../scripts.ts';
import { TaskRevokedError } from '../taskErrors.ts';
import { createTeller } from '../teller.ts';
import { HEARTBEAT_TTL_MS } from './cluster.ts';

export interface EventsOptions {
  readonly redis: Redis;
  readonly bus: Bus;
  readonly keys: Keys;
  /** Workers whose heart beats. */
  workers(): Promise<WorkerBody[]>;
  read(ids: readonly string[]): Promise<(TaskRecord | null)[]>;
  /** Epoch milliseconds. */
  now(): number;
}

export interface Events {
  /** Looks now and then whether somebody follows; call it before what may be told. */
  look(): void;
  /** Tells events, which are made only if somebody follows. */
  tell(make: () => readonly ClusterEvent[]): void;
  /** Tells of tasks that were ended REVOKED here; they are read only if somebody follows. */
  revoked(ids: readonly string[]): Promise<void>;
  readonly listen: Broker['listenToEvents'];
}

/** For a task that is taken from its queue later, and has no error before. */
const REVOKED = { type: 'TaskRevokedError', message: new TaskRevokedError().message };

type Seen = Parameters<Broker['listenToEvents']>[0];

const WANTED_MS = 10_000;
const RENEW_MS = 3000;
/** Milliseconds between looks for workers that have died without a word. */
const LOOK_MS = 2000;

export function createEvents({ redis, bus, keys, workers, read, now }: EventsOptions): Events {
  const teller = createTeller({ redis, keys });
  const followers = new Set<Seen>();
  let opened: Promise<() => void> | undefined;

  const hand = (events: readonly ClusterEvent[]): void => {
    if (events.length > 0) for (const seen of [...followers]) seen(events);
  };
  // One turn for all who follow: by a script that goes on while the memory of Redis is full.
  const want = () => takeTurn(redis, keys.eventsWanted, 'followers', WANTED_MS);

  const open = async (): Promise<() => void> => {
    // First of all: an outage is told at once.
    await answered(redis, want());
    const presence = createPresence(HEARTBEAT_TTL_MS);
    const heard = (message: string) => hand(presence.hear(parsed(message), now()));
    const subscribed = bus.subscribe(keys.events, heard);
    // ioredis subscribes as soon as it can; nobody is held up by that.
    await atMost(ANSWER_WITHIN_MS, subscribed);
    teller.note();
    redis.publish(keys.eventsCalls, '').catch(() => undefined);
    const stopLooking = await lookForDeaths(presence);
    const renewal = setInterval(() => void want().catch(() => undefined), RENEW_MS);
    return () => {
      clearInterval(renewal);
      stopLooking();
      subscribed.then((unsubscribe) => unsubscribe());
    };
  };

  /** Each process that follows finds out for itself, so that nobody has to tell. */
  const lookForDeaths = async (presence: Presence): Promise<() => void> => {
    let isStopped = false;
    let timer: NodeJS.Timeout | undefined;
    const look = async (): Promise<void> => {
      const beating = await workers().catch(() => undefined);
      if (isStopped) return;
      if (beating) hand(presence.look(beating, now()));
      else presence.missed(now());
      timer = setTimeout(look, LOOK_MS);
    };
    await look();
    return () => {
      isStopped = true;
      clearTimeout(timer);
    };
  };

  const leave = (seen: Seen): void => {
    if (!followers.delete(seen)) return;
    const mine = opened;
    const close = (stop: () => void) => {
      // Somebody else may have come meanwhile.
      if (followers.size > 0 || opened !== mine) return;
      opened = undefined;
      stop();
    };
    mine?.then(close, () => close(() => undefined));
  };

  return {
    look: () => void teller.lookNowAndThen(),
    tell(make) {
      if (teller.wanted()) for (const event of make()) teller.tell(event);
    },
    async revoked(ids) {
      await teller.lookNowAndThen();
      if (ids.length === 0 || !teller.wanted()) return;
      for (const record of await read(ids).catch(() => [])) {
        if (record) teller.tell(revokedEvent(record.result, record.result.error ?? REVOKED, now()));
      }
    },
    async listen(seen) {
      followers.add(seen);
      opened ??= open();
      try {
        await opened;
      } catch (error) {
        leave(seen);
        throw error;
      }
      return () => leave(seen);
    },
  };
}

/** Nobody else writes to the channel, but a follower must not die of it. */
function parsed(message: string): readonly ClusterEvent[] {
  try {
    const events: unknown = JSON.parse(message);
    return Array.isArray(events) ? events : [];
  } catch {
    return [];
  }
}
