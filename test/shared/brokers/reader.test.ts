import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { closedPort } from '../../client/connect.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { commandsDuring } from '../../support/monitor.ts';
import { testConfig, testRedis } from '../../support/redis.ts';
import { ownRedis } from '../../support/server.ts';
import { endStored } from '../../support/stored.ts';

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `id-${i}`);

type Setting = (redis: Redis) => Promise<unknown>;

const unlimited: Setting = (redis) => redis.config('SET', 'maxmemory', 0);

/** How Redis comes to refuse writes, and takes them again. */
const REFUSALS: readonly [why: string, refuse: Setting, accept: Setting, late: string][] = [
  // Of what is there, an end may be noted all the same.
  ['is full', (redis) => redis.config('SET', 'maxmemory', 1), unlimited, 'REVOKED'],
  [
    'is a replica',
    async (redis) => redis.replicaof('127.0.0.1', await closedPort()),
    (redis) => redis.replicaof('NO', 'ONE'),
    'PENDING',
  ],
];

describe('a read while Redis takes no writes', () => {
  for (const [why, refuse, accept, late] of REFUSALS) {
    it(`because it ${why} tells what is so, also of tasks whose time is over`, async () => {
      const { url } = await ownRedis();
      const { broker, keys } = await startTestBroker(testConfig({ redisUrl: url }));
      const redis = testRedis(url);
      await eventually(() => broker.checkWritable().then(() => true));
      await broker.add([
        messageOf('fine'),
        messageOf('late', { body: { kwargs: {}, expires: Date.now() - 1 } }),
        messageOf('old', { body: { kwargs: {}, result_expires: 0.1 } }),
      ]);
      await endStored({ redis, keys }, 'old', { at: Date.now() - 1000 });
      await refuse(redis);
      const states = async () =>
        (await broker.read(['fine', 'late', 'old'])).map((record) => record?.result.state);
      expect(await states()).to.deep.equal(['PENDING', late, undefined]);
      const { tasks } = await broker.list({ limit: 10 });
      expect(tasks.map(({ task_id: id }) => id)).to.have.members(['fine', 'late']);
      await accept(redis);
      expect(await states()).to.deep.equal(['PENDING', 'REVOKED', undefined]);
    });
  }
});

describe('a read where many queues are known', () => {
  it('looks for few tasks at once, so that nobody else waits long for Redis', async () => {
    const { broker, config, redis, keys } = await startTestBroker();
    await redis.sadd(keys.queues, ...numbered(3999).map((id) => `queue-of-${id}`));
    await broker.add([messageOf('id-7', { queue: 'mail' })]);
    await broker.read(['id-7']);
    const ids = numbered(20);
    let found: (string | undefined)[] = [];
    const commands = await commandsDuring(config.prefix, async () => {
      found = (await broker.read(ids)).map((record) => record?.result.queue);
    });
    expect(found).to.deep.equal(ids.map((id) => (id === 'id-7' ? 'mail' : undefined)));
    // Five ids a script.
    expect(commands.filter((name) => name === 'evalsha')).to.have.length(4);
  });
});
