import { NPM_INSTALL, nodeScript, npmVersion } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { redisStore } from '../../harness/stores.ts';

const NAME = 'bee-queue';

export const beeQueue: Peer = {
  name: NAME,
  title: NAME,
  settings:
    'one worker, concurrency 100; tasks that succeeded are kept, as is its default, and for ' +
    'ever; what a task returns is told by an event and not stored',
  install: NPM_INSTALL,
  tasks: 100_000,
  isOnRedis: true,
  retriesAtOnce: true,
  version: () => npmVersion(NAME),
  async open({ redis }) {
    await redis.flush();
    return redisStore(redis, { done: () => redis.main.scard('bq:bench:succeeded') });
  },
  fill: nodeScript(NAME, 'fill'),
  work: nodeScript(NAME, 'work'),
  send: nodeScript(NAME, 'send'),
  sends: 'job.save and saveAll',
  hasBulk: true,
};
