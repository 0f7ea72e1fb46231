import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { locked } from '../../cli/lock.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';

const MANY = 50;

async function lockFile(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'kaje-lock-'));
  defer(() => rm(dir, { recursive: true }));
  return join(dir, 'a.lock');
}

/** Id of a process that was killed. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version']);
  await once(child, 'exit');
  return child.pid ?? 0;
}

/** Many want the lock at once: how many at most had it at the same time, and how many in all. */
async function contend(file: string) {
  let [inside, most, done] = [0, 0, 0];
  const work = async () => {
    inside++;
    most = Math.max(most, inside);
    // Long enough for everybody who thinks that they may.
    await sleep(1);
    inside--;
    done++;
  };
  const all: Promise<void>[] = [];
  for (let i = 0; i < MANY; i++) {
    all.push(locked(file, work));
    // One after the other: some come when others have just found out that the owner is gone.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  return { most, done };
}

describe('a lock', () => {
  it('is held by one at a time, and leaves no file behind', async () => {
    const file = await lockFile();
    expect(await contend(file)).to.deep.equal({ most: 1, done: MANY });
    expect(await readdir(join(file, '..'))).to.deep.equal([]);
  });

  it('is held by one at a time also when all find one that a killed process has left', async () => {
    const file = await lockFile();
    for (let round = 0; round < 5; round++) {
      await writeFile(file, `${await deadPid()}-left`);
      expect(await contend(file)).to.deep.equal({ most: 1, done: MANY });
    }
    expect(await readdir(join(file, '..'))).to.deep.equal([]);
  });

  it('is taken when a process was killed while it cleared the lock of another', async () => {
    const file = await lockFile();
    const pid = await deadPid();
    await writeFile(file, `${pid}-first`);
    await writeFile(`${file}.${pid}-first`, `${pid}-second`);
    expect(await locked(file, async () => 'done')).to.equal('done');
  });

  it('is taken from a process that had the same id, as in a container that starts again', async () => {
    const file = await lockFile();
    await writeFile(file, `${process.pid}-before`);
    expect(await locked(file, async () => 'done')).to.equal('done');
  });

  it('is not taken from one who lives, and is given back when the work fails', async () => {
    const file = await lockFile();
    let fail: (error: Error) => void = () => undefined;
    const holding = locked(file, () => new Promise((_, reject) => (fail = reject)));
    holding.catch(() => undefined);
    await eventually(async () => (await readFile(file, 'utf8')).startsWith(`${process.pid}-`));
    let isTaken = false;
    const next = locked(file, async () => {
      isTaken = true;
    });
    await sleep(100);
    expect(isTaken).to.equal(false);
    fail(new Error('no'));
    await next;
    expect(await holding.catch(({ message }) => message)).to.equal('no');
  });

  it('is taken from a process that lives but is silent: its id may be another one’s now', async () => {
    const file = await lockFile();
    await writeFile(file, `${process.ppid}-other`);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(file, longAgo, longAgo);
    expect(await locked(file, async () => 'done')).to.equal('done');
  });
});
