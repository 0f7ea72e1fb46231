/** Publishes this worker's tasks and queues, so that the API can check requests without their code. */
import type { Redis } from 'ioredis';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import { type Registry, specOf } from '../../shared/registry.ts';
import { announce, isAnnounced } from '../../shared/scripts.ts';
import { every, type Service } from '../every.ts';

export interface AnnouncementOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly registry: Registry;
  /** Seconds that results are kept. */
  readonly resultExpires: number;
  readonly log: Log;
  /** Those of now. */
  queues(): readonly string[];
}

/**
 * Entries kept in BullMQ's stream of events, of which Kaje reads none. Each completed task leaves
 * its result there too: BullMQ's 10,000 could hold gigabytes.
 */
const EVENTS_KEPT = 100;
/** Milliseconds between two looks whether all is there still: a flush or an eviction may have taken it. */
const LOOK_MS = 2000;

export interface Announcement extends Service {
  /** Names a queue that is consumed from now on. */
  announce(queue: string): Promise<void>;
}

/** Publishes at the start, and again whenever Redis is back or something is missing: it may have lost its keys. */
export function createAnnouncement(options: AnnouncementOptions): Announcement {
  const { redis, keys, registry, resultExpires, queues, log } = options;
  const specs = Object.fromEntries(
    [...registry.values()].map((task) => [task.name, JSON.stringify(specOf(task))]),
  );
  // Whoever revokes files the task as this worker would (lua/revoke.lua).
  const publish = (names: readonly string[], tasks = specs) =>
    announce(redis, keys, { queues: names, specs: tasks, eventsKept: EVENTS_KEPT, resultExpires });
  const again = () => void publish(queues()).catch(() => undefined);
  const look = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    if (!(await isAnnounced(redis, keys, { queues: queues(), specs }))) await publish(queues());
  };
  const loop = every('announcement', LOOK_MS, look, log);
  return {
    ...loop,
    async announce(queue) {
      await publish([queue], {});
    },
    async start() {
      await publish(queues());
      redis.on('ready', again);
      await loop.start();
    },
    async stop() {
      redis.off('ready', again);
      await loop.stop();
    },
  };
}
