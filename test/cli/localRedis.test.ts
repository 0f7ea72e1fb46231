import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { findRedisServer, type RedisServer } from '../../cli/findRedis.ts';
import { findOrMakeRedis, startRedisServer } from '../../cli/localRedis.ts';
import type { LocalRedis } from '../../cli/redisServer.ts';
import { closedPort } from '../client/connect.ts';

const log = () => {};
const sharedHome = process.env.KAJE_HOME ?? '.kaje';

describe('local Redis', () => {
  let server: RedisServer;
  let dir: string;
  let started: LocalRedis[];

  before(async function () {
    this.timeout(300_000);
    const found = await findRedisServer({ home: sharedHome, log });
    if (!found) throw new Error('these tests need a Redis program');
    server = found;
  });

  beforeEach(async () => {
    // A space, for home folders have them.
    dir = await mkdtemp(join(tmpdir(), 'kaje redis-'));
    started = [];
  });

  afterEach(async () => {
    await Promise.all(started.map((redis) => redis.stop()));
    await rm(dir, { recursive: true });
  });

  async function start(options: { persistent: boolean; port?: number; preferPort?: number }) {
    const redis = await startRedisServer(server, { ...options, dir });
    started.push(redis);
    return redis;
  }

  describe('the server', () => {
    it('listens on loopback only and never evicts', async () => {
      const { url } = await start({ persistent: true });
      expect(await setting(url, 'bind')).to.equal('127.0.0.1');
      expect(await setting(url, 'protected-mode')).to.equal('yes');
      expect(await setting(url, 'maxmemory-policy')).to.equal('noeviction');
    });

    it('writes an append-only file every second when persistent', async () => {
      const { url } = await start({ persistent: true });
      expect(await setting(url, 'appendonly')).to.equal('yes');
      expect(await setting(url, 'appendfsync')).to.equal('everysec');
    });

    it('writes no data to disk when it is throw-away', async () => {
      const { url, stop } = await start({ persistent: false });
      await withRedis(url, (redis) => redis.set('color', 'blue'));
      await stop();
      expect(await readdir(dir)).to.deep.equal(['redis.log']);
    });

    it('has its data again after a stop and a new start', async () => {
      const first = await start({ persistent: true });
      await withRedis(first.url, (redis) => redis.set('color', 'blue'));
      await first.stop();
      const second = await start({ persistent: true });
      expect(await withRedis(second.url, (redis) => redis.get('color'))).to.equal('blue');
    });

    it('starts although a power cut left half a command in the append-only file', async () => {
      const first = await start({ persistent: true });
      await withRedis(first.url, (redis) => redis.set('color', 'blue'));
      await withRedis(first.url, (redis) => redis.set('shape', 'round'));
      await first.stop();
      await cutEnd(dir);
      const second = await start({ persistent: true });
      expect(await withRedis(second.url, (redis) => redis.mget('color', 'shape'))).to.deep.equal([
        'blue',
        null,
      ]);
    });

    it('no longer answers once it is stopped, and may be stopped twice', async () => {
      const { url, stop } = await start({ persistent: false });
      await stop();
      await stop();
      expect(await answers(url)).to.equal(false);
    });

    it('takes the preferred port when it is free, else any other', async () => {
      const free = await closedPort();
      const first = await start({ persistent: false, preferPort: free });
      expect(first.port).to.equal(free);
      const other = await startRedisServer(server, {
        ...{ dir: join(dir, 'other'), persistent: false, preferPort: free },
      });
      started.push(other);
      expect(other.port).not.to.equal(free);
      expect(await answers(other.url)).to.equal(true);
    });

    it('says in its own words why it does not start', async () => {
      const { port } = await start({ persistent: false });
      const other = join(dir, 'other');
      const error = await failure(
        startRedisServer(server, { dir: other, persistent: false, port }),
      );
      expect(error).to.have.property('code', 'REDIS_NOT_STARTED');
      expect(error.message).to.contain('already in use');
    });

    it('ends with the process that started it when it is throw-away', async () => {
      const child = startElsewhere({ dir, persistent: false });
      const url = await firstLine(child);
      expect(await answers(url)).to.equal(true);
      child.kill('SIGKILL');
      await until(async () => !(await answers(url)));
    });
  });

  describe('a second start on the same folder', () => {
    it('uses the server that runs; the last to leave stops it', async () => {
      const both = await Promise.all([start({ persistent: true }), start({ persistent: true })]);
      const [first, second] = both;
      expect(second.url).to.equal(first.url);
      await first.stop();
      expect(await answers(second.url)).to.equal(true);
      await second.stop();
      expect(await answers(second.url)).to.equal(false);
    });

    it('takes over the server of a killed process, and stops it', async () => {
      const child = startElsewhere({ dir, persistent: true });
      const url = await firstLine(child);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const heir = await start({ persistent: true });
      expect(heir.url).to.equal(url);
      await heir.stop();
      expect(await answers(url)).to.equal(false);
    });

    it('starts a server of its own when another Redis has got the recorded port', async () => {
      const first = await start({ persistent: true });
      const record = await readFile(join(dir, 'redis.json'));
      await first.stop();
      await mkdir(join(dir, 'other'));
      const other = await startRedisServer(server, {
        dir: join(dir, 'other'),
        persistent: false,
        port: first.port,
      });
      started.push(other);
      await writeFile(join(dir, 'redis.json'), record);
      expect((await start({ persistent: true })).url).not.to.equal(other.url);
    });

    it('does not wait for a lock that a killed process left', async () => {
      const child = spawn(process.execPath, ['--version']);
      await once(child, 'exit');
      await writeFile(join(dir, 'redis.lock'), `${child.pid}`);
      const { url } = await start({ persistent: true });
      expect(await answers(url)).to.equal(true);
    });
  });

  describe('the search', () => {
    it('uses a given URL as it is', async () => {
      const url = 'redis://example.invalid:6390/3';
      const redis = await findOrMakeRedis({ url, home: dir, persistent: true, log });
      await redis.stop();
      expect(redis).to.include({ url, origin: 'as given' });
      expect(await readdir(dir)).to.deep.equal([]);
    });

    it('finds valkey-server on the PATH, and keeps the data under the home folder', async () => {
      await symlink(await programOf(server), join(dir, 'valkey-server'));
      const env = { ...server.env, PATH: dir };
      const redis = await findOrMakeRedis({ home: dir, persistent: true, log, env });
      started.push(redis);
      expect(redis.origin).to.contain('on the PATH');
      expect(await readdir(dir)).to.include('data');
    });

    it('leaves nothing behind of a throw-away Redis', async () => {
      const redis = await findOrMakeRedis({ home: sharedHome, persistent: false, log });
      const folder = `${await setting(redis.url, 'dir')}`;
      expect(await readdir(folder)).to.deep.equal(['redis.log']);
      await redis.stop();
      expect(existsSync(folder)).to.equal(false);
    });

    it('names every way when none leads to a Redis', async () => {
      const nothing = { home: dir, persistent: true, log, env: { PATH: dir } };
      const error = await failure(findOrMakeRedis(nothing));
      expect(error).to.have.property('code', 'REDIS_NOT_FOUND');
      expect(error.message.split('\n').slice(1)).to.have.length(5);
      for (const way of ['KAJE_REDIS_URL', 'PATH', 'apt-get', 'Homebrew', 'Docker']) {
        expect(error.message).to.contain(way);
      }
    });
  });

  // Defined where it can be true only: other systems have no such packages.
  if (isOnPath('apt-get') && isOnPath('dpkg')) {
    describe('the packages of Debian and Ubuntu', () => {
      let env: NodeJS.ProcessEnv;

      beforeEach(async () => {
        const bin = join(dir, 'bin');
        await linkProgramsButRedis(bin);
        env = { ...process.env, PATH: bin };
      });

      it('are unpacked under the home folder, once, and run from there', async function () {
        this;
        const first = await findRedisServer({ home: dir, log, env });
        expect(first?.command).to.equal(join(dir, 'redis/usr/bin/redis-server'));
        const lines: string[] = [];
        const again = await findRedisServer({ home: dir, log: (line) => lines.push(line), env });
        expect(again).to.deep.equal(first);
        expect(lines).to.deep.equal([]);
        expect(await readdir(dir)).to.have.members(['bin', 'redis']);
      });

      it('are found although the system has no package lists', async function () {
        this;
        const APT_CONFIG = await configWithoutLists(dir);
        const found = await findRedisServer({ home: dir, log, env: { ...env, APT_CONFIG } });
        expect(found?.origin).to.contain(join(dir, 'redis'));
      });
    });
  }
});

async function setting(url: string, name: string): Promise<unknown> {
  return withRedis(url, async (redis) => (await redis.config('GET', name))[1]);
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on('error', () => {});
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

function answers(url: string): Promise<boolean> {
  return withRedis(url, (redis) => redis.ping()).then(
    () => true,
    () => false,
  );
}

async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await sleep(20);
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error) => error,
  );
}

async function cutEnd(dir: string): Promise<void> {
  const folder = join(dir, 'appendonlydir');
  const name = (await readdir(folder)).find((file) => file.endsWith('.incr.aof'));
  const file = join(folder, `${name}`);
  await truncate(file, (await readFile(file)).length - 3);
}

/** A process of its own that starts a server, prints its URL and waits to be killed. */
function startElsewhere(options: { dir: string; persistent: boolean }): ChildProcess {
  const finding = new URL('../../cli/findRedis.ts', import.meta.url).href;
  const starting = new URL('../../cli/localRedis.ts', import.meta.url).href;
  const code = `
    const { findRedisServer } = await import(${JSON.stringify(finding)});
    const { startRedisServer } = await import(${JSON.stringify(starting)});
    const server = await findRedisServer({ home: ${JSON.stringify(sharedHome)}, log() {} });
    const redis = await startRedisServer(server, ${JSON.stringify(options)});
    console.log(redis.url);
    setInterval(() => {}, 1000);
  `;
  const args = ['--import', 'tsx', '--input-type=module', '-e', code];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [text] = await once(child.stdout ?? child, 'data');
  return `${text}`.trim();
}

async function programOf({ command }: RedisServer): Promise<string> {
  return command.includes('/') ? command : execFileSync('which', [command]).toString().trim();
}

function isOnPath(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function linkProgramsButRedis(bin: string): Promise<void> {
  await mkdir(bin);
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (/^(redis|valkey)-server$/.test(name)) continue;
      await symlink(join(folder, name), join(bin, name)).catch(() => {});
    }
  }
}

async function configWithoutLists(dir: string): Promise<string> {
  await mkdir(join(dir, 'no lists/partial'), { recursive: true });
  const file = join(dir, 'apt.conf');
  await writeFile(file, `Dir::State::Lists "${join(dir, 'no lists')}";\n`);
  return file;
}
