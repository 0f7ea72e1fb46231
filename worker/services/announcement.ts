/** Publishes this worker's tasks and queues, so that the API can check requests without their code. */
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';
import { type Registry, specOf } from '../../shared/registry.ts';
import type { Service } from '../every.ts';

export interface AnnouncementOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly registry: Registry;
  readonly queues: readonly string[];
}

/**
 * Entries kept in BullMQ's stream of events, of which Kaje reads none. Each completed task leaves
 * its result there too: BullMQ's 10,000 could hold gigabytes.
 */
const EVENTS_KEPT = 100;

/** Publishes at the start, and again whenever Redis is back: it may have lost its keys. */
export function createAnnouncement({
  redis,
  keys,
  registry,
  queues,
}: AnnouncementOptions): Service {
  const specs = Object.fromEntries(
    [...registry.values()].map((task) => [task.name, JSON.stringify(specOf(task))]),
  );
  const publish = async (): Promise<void> => {
    const write = redis.multi().sadd(keys.queues, ...queues);
    for (const queue of queues) write.hset(keys.queueMeta(queue), 'opts.maxLenEvents', EVENTS_KEPT);
    if (registry.size > 0) write.hset(keys.registry, specs);
    await write.publish(keys.registryChanges, '').exec();
  };
  const again = () => void publish().catch(() => undefined);
  return {
    name: 'announcement',
    async start() {
      await publish();
      redis.on('ready', again);
    },
    stop() {
      redis.off('ready', again);
    },
  };
}
