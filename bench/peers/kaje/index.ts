/** Kaje itself, as built code: its worker as a process, its public client. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeys } from '../../../shared/keys.ts';
import type { Ground, Peer } from '../../harness/peer.ts';
import { BENCH } from '../../harness/places.ts';
import { type Command, start } from '../../harness/processes.ts';
import { redisStore } from '../../harness/stores.ts';

const CONCURRENCY = 100;
const SCRIPTS = `${BENCH}peers/kaje/`;
const TASKS = `${SCRIPTS}tasks.mjs`;
const keys = createKeys('kaje');

/** Kaje has more programs than the others: what scenarios of its own are made of. */
export interface KajePeer extends Peer {
  /** `kaje <args>`. */
  cli(...args: string[]): Command;
  /** A program of this folder. */
  script(name: string): Command;
  /** Lets clients of another prefix know the tasks. */
  publish(ground: Ground, prefix: string): Promise<void>;
}

export function isKaje(peer: Peer): peer is KajePeer {
  return 'cli' in peer;
}

function programsIn(root: string): Pick<KajePeer, 'cli' | 'script'> {
  const env = { BENCH_KAJE: join(root, 'dist'), KAJE_CONCURRENCY: `${CONCURRENCY}` };
  const node = (...args: string[]) => ({ command: process.execPath, args, env });
  return {
    cli: (...args) => node(join(root, 'dist/cli/main.js'), ...args),
    script: (name) => node(`${SCRIPTS}${name}.mjs`),
  };
}

/** @param root where Kaje lies: this folder, or another checkout to compare it with */
export function createKaje(name: string, root: string): KajePeer {
  const { cli, script } = programsIn(root);
  const work = cli('worker', '--tasks', TASKS);
  const publish = publisher(work);
  return {
    name,
    title: name === 'kaje' ? 'Kaje' : 'Kaje before',
    settings:
      `one worker process, concurrency ${CONCURRENCY}, defaults otherwise: results kept for a day, ` +
      'acknowledged after the run, a log line per task (into a file)',
    install: 'npm install',
    tasks: 100_000,
    isOnRedis: true,
    retriesAtOnce: true,
    async version() {
      const text = await readFile(join(root, 'package.json'), 'utf8').catch(() => undefined);
      return text && JSON.parse(text).version;
    },
    async open(ground) {
      const { redis } = ground;
      await redis.flush();
      await publish(ground, 'kaje');
      return redisStore(redis, {
        env: { KAJE_REDIS_URL: redis.url },
        done: () => redis.main.zcard(keys.finished('default', true)),
      });
    },
    fill: script('fill'),
    work,
    send: script('send'),
    sends: 'sendTask and sendTasks of the client on Redis; a task that is not known is refused',
    hasBulk: true,
    cli,
    script,
    publish,
  };
}

/** Clients send only what some worker has published: it does so once, and that is put back later. */
function publisher(work: Command): KajePeer['publish'] {
  let published: Promise<Record<string, string>> | undefined;
  return async (ground, prefix) => {
    published ??= registryOf(work, ground);
    await ground.redis.main.hset(createKeys(prefix).registry, await published);
  };
}

async function registryOf(work: Command, { redis, dir }: Ground): Promise<Record<string, string>> {
  const worker = await start(work, { dir, env: { KAJE_REDIS_URL: redis.url } });
  await worker.ready;
  const registry = await redis.main.hgetall(keys.registry);
  await worker.stop();
  await redis.flush();
  return registry;
}
