/** BullMQ as it comes, which Kaje is built on. */
import { readFile } from 'node:fs/promises';
import type { Peer } from '../../harness/peer.ts';
import { BENCH, ROOT } from '../../harness/places.ts';
import type { Command } from '../../harness/processes.ts';
import { redisStore } from '../../harness/stores.ts';

export const bullmqScript = (name: string): Command => ({
  command: process.execPath,
  args: [`${BENCH}peers/bullmq/${name}.mjs`],
});

export const bullmq: Peer = {
  name: 'bullmq',
  title: 'BullMQ',
  settings:
    'Queue and one Worker, concurrency 100, keeping of results as in Kaje: a day, a million, ' +
    '100 removed at once; defaults otherwise',
  install: 'npm ci',
  tasks: 100_000,
  isOnRedis: true,
  retriesAtOnce: true,
  async version() {
    const text = await readFile(`${ROOT}node_modules/bullmq/package.json`, 'utf8').catch(
      () => '{}',
    );
    return JSON.parse(text).version;
  },
  async open({ redis }) {
    await redis.flush();
    return redisStore(redis, { done: () => redis.main.zcard('bull:bench:completed') });
  },
  fill: bullmqScript('fill'),
  work: bullmqScript('work'),
  send: bullmqScript('send'),
  sends: 'Queue.add and Queue.addBulk, one connection',
  hasBulk: true,
};
