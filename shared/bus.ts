/**
 * News over Redis pub/sub: workers tell which tasks changed, API processes listen for those
 * that somebody waits for. One connection a process, however many waiters; a lost message only
 * delays, since whoever listens also looks for itself now and then (watcher.ts).
 */
import type { Redis } from 'ioredis';
import { IdMap } from './idMap.ts';
import { type Keys, shardOf } from './keys.ts';

interface Shard {
  /** Listeners. */
  ids: number;
  readonly confirmed: Promise<unknown>;
  isConfirmed: boolean;
  leaving?: NodeJS.Timeout;
}

export interface Bus {
  /** Calls `changed` at each news of the task; resolves once Redis has confirmed. */
  listen(id: string, changed: () => void): Promise<() => void>;
  /** Whether news of the task come here already, so that who listens from now on misses none. */
  hears(id: string): boolean;
  onRegistryChange(changed: () => void): void;
  /** Calls `take` with each message of a channel; resolves once Redis has confirmed. */
  subscribe(channel: string, take: (message: string) => void): Promise<() => void>;
}

/**
 * Milliseconds for which a channel is kept that nobody waits for any more: where clients wait for one
 * task after the other, each would begin with a round trip to Redis.
 */
const LINGER_MS = 3000;

/** @param lingerMs default: 3 s */
export function createBus(subscriber: Redis, keys: Keys, lingerMs = LINGER_MS): Bus {
  const listeners = new IdMap<Set<() => void>>();
  const shards = new Map<number, Shard>();
  const registryListeners = new Set<() => void>();
  const takers = new Map<string, Set<(message: string) => void>>();
  const callRegistryListeners = () => {
    for (const changed of registryListeners) changed();
  };

  subscriber.on('message', (channel: string, message: string) => {
    if (channel === keys.registryChanges) return callRegistryListeners();
    const mine = takers.get(channel);
    if (mine) {
      for (const take of [...mine]) take(message);
      return;
    }
    for (const id of message.split(',')) for (const changed of listeners.get(id) ?? []) changed();
  });
  // News of an outage are lost: everybody looks anew. ioredis subscribes again by itself.
  subscriber.on('ready', () => {
    callRegistryListeners();
    for (const each of listeners.values()) for (const changed of each) changed();
  });

  const open = (id: string): Promise<unknown> => {
    const shard = shardOf(id);
    const known = shards.get(shard);
    if (known) {
      known.ids++;
      return known.confirmed;
    }
    const confirmed = subscriber.subscribe(keys.changes(shard)).then(
      () => {
        mine.isConfirmed = true;
      },
      () => undefined,
    );
    const mine: Shard = { ids: 1, confirmed, isConfirmed: false };
    shards.set(shard, mine);
    return confirmed;
  };
  const close = (id: string): void => {
    const shard = shardOf(id);
    const known = shards.get(shard);
    if (!known || --known.ids > 0) return;
    const leave = () => {
      if (known.ids > 0 || shards.get(shard) !== known) return;
      shards.delete(shard);
      subscriber.unsubscribe(keys.changes(shard)).catch(() => undefined);
    };
    clearTimeout(known.leaving);
    known.leaving = setTimeout(leave, lingerMs).unref();
  };

  return {
    async listen(id, changed) {
      const mine = listeners.get(id) ?? new Set();
      listeners.set(id, mine.add(changed));
      await open(id);
      return () => {
        if (!mine.delete(changed)) return;
        if (mine.size === 0) listeners.delete(id);
        close(id);
      };
    },
    hears: (id) => shards.get(shardOf(id))?.isConfirmed ?? false,
    onRegistryChange(changed) {
      if (registryListeners.size === 0) {
        subscriber.subscribe(keys.registryChanges).catch(() => undefined);
      }
      registryListeners.add(changed);
    },
    async subscribe(channel, take) {
      const mine = takers.get(channel) ?? new Set();
      takers.set(channel, mine.add(take));
      // Asked each time: Redis answers in order, so whoever comes second waits for the first, too.
      await subscriber.subscribe(channel).catch(() => undefined);
      return () => {
        if (!mine.delete(take) || mine.size > 0) return;
        takers.delete(channel);
        subscriber.unsubscribe(channel).catch(() => undefined);
      };
    },
  };
}

/**
 * Tells of changed tasks: all of one tick in one write, grouped by channel.
 * A failure is no error: the waiting side looks for itself within a second.
 */
export function createAnnouncer(redis: Redis, keys: Keys): (id: string) => void {
  let changed: string[] = [];
  const flush = () => {
    const news = newsOf(changed, keys);
    changed = [];
    for (const [channel, ids] of news) redis.publish(channel, ids).catch(() => undefined);
  };
  return (id) => {
    if (changed.push(id) === 1) process.nextTick(flush);
  };
}

/** What is published when tasks have changed: channels, and the ids for each. */
export function newsOf(ids: readonly string[], keys: Keys): [channel: string, ids: string][] {
  const groups = new Map<number, string[]>();
  for (const id of ids) {
    const group = groups.get(shardOf(id));
    if (group) group.push(id);
    else groups.set(shardOf(id), [id]);
  }
  return [...groups].map(([shard, group]) => [keys.changes(shard), group.join(',')]);
}
