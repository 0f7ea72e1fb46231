/**
 * Tells the events of a process over pub/sub, but only while somebody follows: who does keeps a
 * key alive, of which the process knows from looks now and then. Nobody ever waits for any of it.
 */
import type { Redis } from 'ioredis';
import type { ClusterEvent, Teller } from './clusterEvents.ts';
import type { Keys } from './keys.ts';

export interface RedisTeller extends Teller {
  /** Looks whether somebody follows. */
  look(): Promise<void>;
  /** The same if the last look is two seconds old; nobody has to wait for it, and it never fails. */
  lookNowAndThen(): Promise<void>;
  /** Somebody says that he follows from now on. */
  note(): void;
  /** Resolves when everything told is on its way. */
  settled(): Promise<void>;
  /** Events that nobody was told, because Redis was away or too slow. */
  readonly dropped: number;
}

export interface TellerOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  /** Milliseconds that only ever grow. Default: performance.now */
  readonly elapsed?: () => number;
}

/** Milliseconds after which a process may know it wrong whether somebody follows. */
export const LOOK_MS = 2000;
/** Events that wait for a slow Redis; of more, the oldest are dropped. */
const BUFFER_MAX = 10_000;
/** Events in one message, which Redis copies to each follower. */
const TOLD_AT_ONCE = 500;

export function createTeller({
  redis,
  keys,
  elapsed = () => performance.now(),
}: TellerOptions): RedisTeller {
  let isWanted = false;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let notes = 0;
  const buffer: ClusterEvent[] = [];
  let dropped = 0;
  let telling: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    lookedAt = elapsed();
    const notesBefore = notes;
    const found = await redis.exists(keys.eventsWanted);
    // Who began to follow since may have come too late for this look.
    if (notes === notesBefore) isWanted = found === 1;
  };
  const tellAll = async (): Promise<void> => {
    while (buffer.length > 0) {
      // The others of this tick join; and what an event tells of is on its way to Redis before it.
      await new Promise((resolve) => setImmediate(resolve));
      // What is told to a connection in an outage would pile up there, and come at its end.
      if (redis.status !== 'ready') dropped += buffer.splice(0).length;
      else await publish(buffer.splice(0, TOLD_AT_ONCE));
    }
    telling = undefined;
  };
  const publish = async (events: readonly ClusterEvent[]): Promise<void> => {
    await redis.publish(keys.events, JSON.stringify(events)).catch(() => {
      dropped += events.length;
    });
  };

  return {
    wanted: () => isWanted,
    tell(event) {
      if (!isWanted) return;
      buffer.push(event);
      if (buffer.length > BUFFER_MAX)
        dropped += buffer.splice(0, buffer.length - BUFFER_MAX).length;
      telling ??= tellAll();
    },
    look,
    async lookNowAndThen() {
      if (elapsed() - lookedAt < LOOK_MS || redis.status !== 'ready') return;
      await look().catch(() => undefined);
    },
    note() {
      notes++;
      isWanted = true;
    },
    settled: async () => telling,
    get dropped() {
      return dropped;
    },
  };
}
