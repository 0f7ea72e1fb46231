/** RQ: one worker, which forks for each task. */
import { PYTHON_ENV, pythonWith } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { BENCH } from '../../harness/places.ts';
import type { Command } from '../../harness/processes.ts';
import { redisStore } from '../../harness/stores.ts';

const FOLDER = `${BENCH}peers/rq`;

export async function rq(): Promise<Peer> {
  const found = await pythonWith('rq');
  const command = (...args: string[]): Command => ({
    command: found?.python ?? 'python3',
    args,
    env: { ...PYTHON_ENV, PYTHONPATH: FOLDER },
  });
  return {
    name: 'rq',
    title: 'RQ',
    settings:
      'one worker, which forks a process for each task; results kept for 500 seconds, as is its ' +
      'default; log lines per task (into a file)',
    install: 'apt-get install python3-rq',
    tasks: 2500,
    isOnRedis: true,
    retriesAtOnce: true,
    version: async () => found?.version,
    async open({ redis }) {
      await redis.flush();
      return redisStore(redis, { done: () => redis.main.zcard('rq:finished:bench') });
    },
    fill: command(`${FOLDER}/fill.py`),
    work: command(`${FOLDER}/work.py`),
    send: command(`${FOLDER}/send.py`),
    sends: 'Queue.enqueue, which waits for Redis each time, and enqueue_many',
    sendsOneAtATime: true,
    hasBulk: true,
  };
}
