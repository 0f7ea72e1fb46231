/** All keys of a queue of BullMQ as plain data, without what differs from one run to the next. */
import type { Redis } from 'ioredis';

/** Key -> its value; names of the queue are `Q`, times are `T`. */
export type Dump = Record<
  string,
  { readonly value: unknown; readonly expires: boolean } | undefined
>;

export async function dumpQueue(redis: Redis, base: string): Promise<Dump> {
  const dump: Dump = {};
  for (const key of (await redis.keys(`${base}*`)).sort()) {
    const [value, ttl] = await Promise.all([storedAt(redis, key), redis.pttl(key)]);
    dump[key.slice(base.length)] = { value: plain(value, base), expires: ttl > 0 };
  }
  return dump;
}

async function storedAt(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  switch (type) {
    case 'string':
      return redis.get(key);
    case 'list':
      return redis.lrange(key, 0, -1);
    case 'set':
      return (await redis.smembers(key)).sort();
    case 'hash':
      return fieldsOf(await redis.hgetall(key));
    case 'zset':
      return pairs(await redis.zrange(key, 0, '-1', 'WITHSCORES')).sort();
    case 'stream':
      return eventsOf(await redis.xrange(key, '-', '+'));
    default:
      throw new Error(`${key} is a ${type}`);
  }
}

/** The order of the options is that of a table of Lua: none. */
function fieldsOf(hash: Record<string, string>): unknown {
  const fields = Object.entries(hash).sort();
  return fields.map(([name, value]) => [name, name === 'opts' ? JSON.parse(value) : value]);
}

/**
 * Events of each job in order, and those of none. Of different jobs the order is nobody's promise:
 * a script for many tells all ends before it tells what it takes.
 */
function eventsOf(entries: readonly [id: string, fields: string[]][]): unknown {
  const byJob = new Map<string, unknown[]>();
  for (const [, fields] of entries) {
    const event = Object.fromEntries(pairs(fields));
    const job = event.jobId ?? '';
    byJob.set(job, [...(byJob.get(job) ?? []), event]);
  }
  return [...byJob].sort(([a], [b]) => (a < b ? -1 : 1));
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((value, i) => (i % 2 === 0 ? [[value, flat[i + 1] ?? '']] : []));
}

function plain(value: unknown, base: string): unknown {
  const text = JSON.stringify(value).replaceAll(base, 'Q:');
  // Epoch milliseconds, also as BullMQ scores what is delayed: times 4096.
  return JSON.parse(text.replaceAll(/"(1\d{12}|[67]\d{15})"/g, '"T"'));
}
