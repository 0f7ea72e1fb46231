import { nodeScript, npmPeer } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { redisStore } from '../../harness/stores.ts';

const NAME = 'bee-queue';

export const beeQueue: Peer = {
  ...npmPeer(NAME),
  settings:
    'one worker, concurrency 100; tasks that succeeded are kept, as is its default, and for ' +
    'ever; what a task returns is told by an event and not stored',
  tasks: 100_000,
  isOnRedis: true,
  retriesAtOnce: true,
  async open({ redis }) {
    await redis.flush();
    return redisStore(redis, { done: () => redis.main.scard('bq:bench:succeeded') });
  },
  send: nodeScript(NAME, 'send'),
  sends: 'job.save and saveAll',
  hasBulk: true,
};
