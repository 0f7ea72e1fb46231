/** How much memory Redis has left: below its own limit there is one of ours, so that what ends finds room. */
import type { Redis } from 'ioredis';

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
