/** Runs the Lua scripts in lua/. What several of them need is in lua/parts/: `-- @use <part>` stands for its text. */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

type Script =
  | 'addTasks'
  | 'readTasks'
  | 'revoke'
  | 'removeEnded'
  | 'announce'
  | 'isAnnounced'
  | 'beat'
  | 'sweep'
  | 'takeTurn'
  | 'revive'
  | 'replaceField'
  | 'turns'
  | 'respace'
  | 'markLost'
  | 'keepLocks'
  | 'chargeLoss'
  | 'noteApart'
  | 'claimUnique'
  | 'releaseClaims'
  | 'addChild'
  | 'purge'
  | 'listTasks'
  | 'appendLogs'
  | 'readLogs';

type Command = (
  keyCount: number,
  keys: readonly string[],
  args: readonly (string | number)[],
) => Promise<unknown>;

/** Calls a script; ioredis sends its text once a connection, then its hash. */
export async function runScript<T>(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<T> {
  const command = commandOf(redis, script);
  // What a script returns, its own text says.
  return command.call(redis, keys.length, keys, args) as Promise<T>;
}

function commandOf(redis: Redis, script: Script): Command {
  const name = `kaje:${script}`;
  if (!(name in redis)) redis.defineCommand(name, { lua: textOf(script) });
  // defineCommand has just added the method, of which the types of ioredis cannot know.
  return Reflect.get(redis, name) as Command;
}

const texts = new Map<Script, string>();

function textOf(script: Script): string {
  const known = texts.get(script);
  if (known !== undefined) return known;
  const text = read(script).replaceAll(/^-- @use (\w+)$/gm, (_, part) => partOf(part));
  texts.set(script, text);
  return text;
}

/** What several scripts need. */
export function partOf(name: string): string {
  return read(`parts/${name}`);
}

function read(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
}
