/** Publishes this worker's tasks and queues, so that the API can check requests without their code. */
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';
import { type Registry, specOf } from '../../shared/registry.ts';
import type { Service } from '../every.ts';

export interface AnnouncementOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly registry: Registry;
  /** Seconds that results are kept. */
  readonly resultExpires: number;
  /** Those of now. */
  queues(): readonly string[];
}

/**
 * Entries kept in BullMQ's stream of events, of which Kaje reads none. Each completed task leaves
 * its result there too: BullMQ's 10,000 could hold gigabytes.
 */
const EVENTS_KEPT = 100;

export interface Announcement extends Service {
  /** Names a queue that is consumed from now on. */
  announce(queue: string): Promise<void>;
}

/** Publishes at the start, and again whenever Redis is back: it may have lost its keys. */
export function createAnnouncement({
  redis,
  keys,
  registry,
  resultExpires,
  queues,
}: AnnouncementOptions): Announcement {
  const specs = Object.fromEntries(
    [...registry.values()].map((task) => [task.name, JSON.stringify(specOf(task))]),
  );
  // Whoever revokes files the task as this worker would (lua/revoke.lua).
  const meta = { 'opts.maxLenEvents': EVENTS_KEPT, 'kaje.resultExpires': resultExpires };
  const name = async (names: readonly string[]): Promise<void> => {
    if (names.length === 0) return;
    const write = redis.multi().sadd(keys.queues, ...names);
    for (const queue of names) write.hset(keys.queueMeta(queue), meta);
    await write.exec();
  };
  const publish = async (): Promise<void> => {
    await name(queues());
    if (registry.size > 0) await redis.hset(keys.registry, specs);
    await redis.publish(keys.registryChanges, '');
  };
  const again = () => void publish().catch(() => undefined);
  return {
    name: 'announcement',
    announce: (queue) => name([queue]),
    async start() {
      await publish();
      redis.on('ready', again);
    },
    stop() {
      redis.off('ready', again);
    },
  };
}
