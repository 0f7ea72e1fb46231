/** Our Lua scripts, each a typed function. ioredis sends the text once a connection, then its hash. */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
import type { FoundTask } from './results.ts';

interface WithScripts extends Redis {
  kajeReadTasks(
    keyCount: number,
    ...keysAndArgs: (string | number)[]
  ): Promise<(FoundTask | null)[]>;
}

/** Reads tasks by id from the queues at `bases`; see lua/readTasks.lua. */
export function readTasks(
  redis: Redis,
  bases: readonly string[],
  fields: readonly string[],
  ids: readonly string[],
): Promise<(FoundTask | null)[]> {
  return withScripts(redis).kajeReadTasks(bases.length, ...bases, fields.length, ...fields, ...ids);
}

const READ_TASKS = readFileSync(new URL('./lua/readTasks.lua', import.meta.url), 'utf8');

function withScripts(redis: Redis): WithScripts {
  if (!hasScripts(redis)) redis.defineCommand('kajeReadTasks', { lua: READ_TASKS });
  // defineCommand has just added the method, of which the types of ioredis cannot know.
  return redis as WithScripts;
}

function hasScripts(redis: Redis): boolean {
  return 'kajeReadTasks' in redis;
}
