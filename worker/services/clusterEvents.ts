/** Keeps the worker's teller informed whether somebody follows the events; tells its start and stop. */
import type { Redis } from 'ioredis';
import type { RedisClock } from '../../shared/brokers/clock.ts';
import { workerEvent } from '../../shared/clusterEvents.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import { LOOK_MS, type RedisTeller } from '../../shared/teller.ts';
import { every, type Service } from '../every.ts';

export interface ClusterEventsOptions {
  readonly teller: RedisTeller;
  /** Name of this worker. */
  readonly worker: string;
  readonly redis: Redis;
  /** The worker's connection for pub/sub. Without it new followers are noticed by looks only. */
  readonly subscriber?: Redis;
  readonly keys: Keys;
  readonly clock: Pick<RedisClock, 'now'>;
  readonly log: Log;
}

export function createClusterEvents(options: ClusterEventsOptions): Service {
  const { teller, worker, redis, subscriber, keys, clock, log } = options;
  let dropped = 0;

  const pass = async (): Promise<void> => {
    // A look that waits for Redis would hold up all later ones.
    if (redis.status !== 'ready') return;
    await teller.look();
    if (teller.dropped > dropped) {
      log.warn(
        { dropped: teller.dropped - dropped },
        'events were dropped: Redis did not take them',
      );
    }
    dropped = teller.dropped;
  };
  const loop = every('events', LOOK_MS, pass, log);
  const noted = (channel: string) => {
    if (channel === keys.eventsCalls) teller.note();
  };
  const tell = (type: 'worker-online' | 'worker-offline') => {
    if (teller.wanted()) teller.tell(workerEvent(type, worker, clock.now()));
  };
  return {
    name: loop.name,
    async start() {
      await teller.look();
      subscriber?.on('message', noted);
      subscriber?.subscribe(keys.eventsCalls).catch(() => undefined);
      tell('worker-online');
      await loop.start();
    },
    async stop() {
      subscriber?.off('message', noted);
      await loop.stop();
      tell('worker-offline');
      await teller.settled();
    },
  };
}
