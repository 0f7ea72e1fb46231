/**
 * Lets urgent tasks (priority 6 to 9) overtake those without a priority. BullMQ takes what has no
 * priority first; changing its fetch is cheaper than keeping every task of a queue in a sorted set,
 * and costs a queue without priorities one look at a key that is not there.
 */
import { createRequire } from 'node:module';
import type { Redis } from 'ioredis';
import { DefinitionError } from '../shared/errors.ts';

/** BullMQ's scripts that take the next task, each with its number of keys. */
const SCRIPTS = ['moveToActive', 'moveToFinished', 'moveToDelayed'] as const;

interface BullScript {
  readonly content: string;
  readonly keys: number;
}

const FETCH = 'rcall("RPOPLPUSH", waitKey, activeKey)';

/** Scores of BullMQ's prioritized set: its priority * 2^32 + a counter; ours of 5 has none. */
const FETCH_URGENT_FIRST = `
local function kajeFetch(waitKey, activeKey)
  local prioritizedKey = string.sub(waitKey, 1, -5) .. "prioritized"
  local first = redis.call("ZRANGE", prioritizedKey, 0, 0, "WITHSCORES")
  if first[1] and tonumber(first[2]) < 5 * 0x100000000 then
    redis.call("ZREM", prioritizedKey, first[1])
    redis.call("LPUSH", activeKey, first[1])
    return first[1]
  end
  return redis.call("RPOPLPUSH", waitKey, activeKey)
end
`;

/**
 * Defines BullMQ's fetching scripts on a worker's connection before BullMQ does, with our order.
 * @throws DefinitionError for a BullMQ whose scripts are not the known ones
 */
export function fetchUrgentFirst(redis: Redis): void {
  const bull = createRequire(import.meta.url);
  const { version }: { version: string } = bull('bullmq/dist/cjs/version.js');
  const scripts: Record<string, BullScript> = bull('bullmq/dist/cjs/scripts/index.js');
  for (const name of SCRIPTS) {
    const script = scripts[name];
    if (!script?.content.includes(FETCH)) {
      throw new DefinitionError(
        `BullMQ ${version} fetches tasks in another way; pin the known one`,
      );
    }
    const lua =
      FETCH_URGENT_FIRST + script.content.replaceAll(FETCH, 'kajeFetch(waitKey, activeKey)');
    redis.defineCommand(`${name}:${version}`, { numberOfKeys: script.keys, lua });
  }
}
