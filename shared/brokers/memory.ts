/** How much memory Redis has left: below its own limit there is one of ours, so that what ends finds room. */
import type { Redis } from 'ioredis';
import { BrokerUnavailableError } from '../errors.ts';
import { answered, isRefusal } from '../redis.ts';

export interface Memory {
  readonly usedBytes: number;
  /** At which Redis takes no more; Infinity where it has no limit, or makes room by evicting keys. */
  readonly maxBytes: number;
}

export async function readMemory(redis: Redis): Promise<Memory> {
  const info = await redis.info('memory');
  const bytes = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const refuses = /^maxmemory_policy:noeviction/m.test(info);
  return {
    // As Redis itself compares them.
    usedBytes: bytes('used_memory') - bytes('mem_not_counted_for_evict'),
    maxBytes: (refuses && bytes('maxmemory')) || Number.POSITIVE_INFINITY,
  };
}

/** @param percent of what Redis may use; see KAJE_REDIS_MEMORY_LIMIT */
export function isShort({ usedBytes, maxBytes }: Memory, percent: number): boolean {
  return usedBytes > (maxBytes * percent) / 100;
}

const MIB = 2 ** 20;

export function describeMemory({ usedBytes, maxBytes }: Memory): string {
  const share = ((100 * usedBytes) / maxBytes).toFixed(0);
  return `${(usedBytes / MIB).toFixed(1)} of ${(maxBytes / MIB).toFixed(1)} MiB (${share} %)`;
}

export interface MemoryGuardOptions {
  readonly redis: Redis;
  /** Of what Redis may use; 100 = no limit of ours. */
  readonly percent: number;
  /** Milliseconds that only ever grow. Default: performance.now */
  readonly elapsed?: () => number;
}

export interface MemoryGuard {
  /**
   * Lets so many bytes in, or waits for a look at the memory first.
   * @returns undefined where they may be stored at once
   * @throws BrokerUnavailableError when there is no room for them below the limit
   */
  admit(bytes: number): Promise<void> | undefined;
  /** Why nothing is let in now; undefined while there is room. */
  shortage(): Promise<string | undefined>;
}

/** Milliseconds between two looks while tasks come; and for how long a look is fresh enough to refuse by it. */
const LOOK_MS = 1000;
const FRESH_MS = 100;
/** The part of the room left that may be filled before the next look, for other processes fill it too. */
const UNSEEN = 1 / 4;

/** Refuses before Redis does. Looks now and then, and counts what was let in since: no round trip for each task. */
export function createMemoryGuard(options: MemoryGuardOptions): MemoryGuard {
  const { redis, percent, elapsed = () => performance.now() } = options;
  let known: { readonly memory: Memory; readonly at: number } | undefined;
  /** Bytes let in since the last look began. */
  let added = 0;
  let looking: Promise<void> | undefined;
  /** Whether somebody waits for the look under way; who comes later waits as well, to keep the order. */
  let isAwaited = false;

  const room = ({ usedBytes, maxBytes }: Memory) => (maxBytes * percent) / 100 - usedBytes;
  const ageMs = () => elapsed() - (known?.at ?? Number.NEGATIVE_INFINITY);

  const lookNow = async (): Promise<void> => {
    const before = added;
    try {
      const memory = await readMemory(redis).catch(unknownIfRefused);
      added -= before;
      known = { memory, at: elapsed() };
    } finally {
      looking = undefined;
      isAwaited = false;
    }
  };
  const look = (): Promise<void> => {
    looking ??= lookNow();
    return looking;
  };
  const lookNowAndThen = ({ memory }: NonNullable<typeof known>): void => {
    if (ageMs() > LOOK_MS || added > room(memory) * UNSEEN) look().catch(() => undefined);
  };
  const awaited = async (): Promise<void> => {
    isAwaited = true;
    await answered(redis, look());
  };
  const admitSeen = async (bytes: number): Promise<void> => {
    if (isAwaited || ageMs() > FRESH_MS) await awaited();
    if (known && added + bytes > room(known.memory)) {
      throw new BrokerUnavailableError(refusalOf(known.memory, percent));
    }
    added += bytes;
  };

  return {
    admit(bytes) {
      if (percent === 100) return undefined;
      if (!known || isAwaited || added + bytes > room(known.memory)) return admitSeen(bytes);
      added += bytes;
      lookNowAndThen(known);
      return undefined;
    },
    async shortage() {
      if (percent === 100) return undefined;
      if (ageMs() > FRESH_MS) await awaited();
      return known && room(known.memory) < 0 ? refusalOf(known.memory, percent) : undefined;
    },
  };
}

/** Where Redis tells nobody, it will still refuse by itself. */
function unknownIfRefused(error: unknown): Memory {
  if (!isRefusal(error)) throw error;
  return { usedBytes: 0, maxBytes: Number.POSITIVE_INFINITY };
}

function refusalOf(memory: Memory, percent: number): string {
  const holds = `Redis holds ${describeMemory(memory)}`;
  return `${holds}, and tasks get ${percent} % of it (KAJE_REDIS_MEMORY_LIMIT); send again later`;
}
