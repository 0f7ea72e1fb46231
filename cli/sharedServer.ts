/** A persistent server is shared by all starts on its folder: the last to leave stops it. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisServer } from './findRedis.ts';
import { locked } from './lock.ts';
import {
  isServing,
  launch,
  type RedisServerOptions,
  type Running,
  signal,
  terminate,
} from './redisServer.ts';

const RECORD = 'redis.json';

export function share(server: RedisServer, options: RedisServerOptions): Promise<Running> {
  return alone(options.dir, async () => {
    const found = await runningIn(options.dir);
    const running = found ?? (await launch(server, options));
    await record(options.dir, { ...running, users: [...running.users, process.pid] });
    return found ? { ...found, origin: `${found.origin}, already running` } : running;
  });
}

export function leave(running: Running, dir: string): Promise<void> {
  return alone(dir, async () => {
    const current = (await recorded(dir)) ?? running;
    const mine = current.users.indexOf(process.pid);
    const users = current.users.filter((pid, index) => index !== mine && signal(pid, 0));
    if (users.length > 0) return record(dir, { ...current, users });
    await terminate(current);
    await rm(join(dir, RECORD), { force: true });
  });
}

/** A server may have outlived those who started it: a killed process stops nothing. */
async function runningIn(dir: string): Promise<Running | undefined> {
  const found = await recorded(dir);
  if (!found || !(await isServing(found))) return undefined;
  return { ...found, users: found.users.filter((pid) => signal(pid, 0)) };
}

async function recorded(dir: string): Promise<Running | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, RECORD), 'utf8'));
  } catch {
    return undefined; // There is none, or a power cut left half of it.
  }
}

async function record(dir: string, running: Running): Promise<void> {
  await writeFile(join(dir, `${RECORD}.new`), JSON.stringify(running));
  await rename(join(dir, `${RECORD}.new`), join(dir, RECORD));
}

/** One start or stop at a time in a folder: two servers on one append-only file would ruin it. */
function alone<T>(dir: string, work: () => Promise<T>): Promise<T> {
  return locked(join(dir, 'redis.lock'), work);
}
