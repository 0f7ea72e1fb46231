/** A lock between processes: a file that names its owner. */
import { randomUUID } from 'node:crypto';
import { readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { signal } from './redisServer.ts';

const POLL_MS = 20;
/** An owner that lives says so this often, and one that has not for so long is taken for dead. */
const BEAT_MS = 5_000;
const SILENT_MS = 30_000;

/** Claims of this very process: another with its id may have left a lock, as in a container. */
const mine = new Set<string>();

/** Does the work while nobody else holds the lock `file`, however many want it. */
export async function locked<T>(file: string, work: () => Promise<T>): Promise<T> {
  const owner = `${process.pid}-${randomUUID()}`;
  mine.add(owner);
  while (!(await claim(file, owner))) await sleep(POLL_MS);
  const beat = setInterval(() => void utimes(file, new Date(), new Date()).catch(ignore), BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await release(file, owner);
    mine.delete(owner);
  }
}

async function claim(file: string, owner: string): Promise<boolean> {
  try {
    await writeFile(file, owner, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    await clear(file, owner);
    return false;
  }
}

/**
 * Removes a lock whose owner is gone. Only one may: whoever removed it a moment later would remove
 * the next owner's. So the right to do it is a lock in turn, named after the owner that is gone.
 */
async function clear(file: string, owner: string): Promise<void> {
  const gone = await goneOwner(file);
  if (gone === undefined) return;
  const right = `${file}.${gone}`;
  if (!(await claim(right, owner))) return;
  await release(file, gone);
  await release(right, owner);
}

/** Who holds the lock and will never give it back. */
async function goneOwner(file: string): Promise<string | undefined> {
  const [owner, found] = await Promise.all([ownerOf(file), stat(file).catch(ignore)]);
  if (owner === undefined || found === undefined) return undefined;
  const pid = Number.parseInt(owner, 10);
  const isDead = pid === process.pid ? !mine.has(owner) : pid > 0 && !signal(pid, 0);
  return isDead || Date.now() - found.mtimeMs > SILENT_MS ? owner : undefined;
}

/** Somebody else's stays. */
async function release(file: string, owner: string): Promise<void> {
  if ((await ownerOf(file)) === owner) await rm(file, { force: true });
}

/** Undefined where there is no lock. */
function ownerOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(ignore);
}

function ignore(): undefined {}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
