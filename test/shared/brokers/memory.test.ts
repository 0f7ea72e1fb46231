/** Redis is never filled to the brim: tasks are refused below its own limit, whoever sends how many at once. */
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { Broker } from '../../../shared/broker.ts';
import { BrokerUnavailableError } from '../../../shared/errors.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { ids } from '../../support/life.ts';
import { testConfig, testRedis } from '../../support/redis.ts';
import { ownRedis } from '../../support/server.ts';

const MIB = 2 ** 20;
const PAD = 'x'.repeat(MIB / 4);

/** A Redis of its own with so many MiB, and brokers on it, as of several processes. */
async function start({ maxMib = 16, memoryLimit = 80, count = 1 } = {}) {
  const { url } = await ownRedis();
  const redis = testRedis(url);
  await redis.config('SET', 'maxmemory', maxMib * MIB);
  const config = testConfig({ redisUrl: url });
  const connect = async () => {
    const { broker } = await startTestBroker(config, { memoryLimit });
    await eventually(() => broker.queues().then(() => true));
    return broker;
  };
  const brokers = await Promise.all(Array.from({ length: count }, connect));
  return { redis, brokers, broker: brokers[0] as Broker }; // There is one at least.
}

const big = (id: string) => [messageOf(id, { body: { kwargs: { pad: PAD } } })];

/** Sends tasks of 256 KiB each, all at once: how many were stored, and why the others were not. */
async function flood(broker: Broker, names: readonly string[]) {
  const sent = await Promise.allSettled(names.map((id) => broker.add(big(id))));
  const errors = sent.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
  return { stored: sent.length - errors.length, errors };
}

/** To some 87 %. */
const fill = (redis: Redis) => redis.setrange('filler', 13 * MIB, 'x');

const statOf = async (redis: Redis, section: string, pattern: RegExp) =>
  Number(pattern.exec(await redis.info(section))?.[1] ?? 0);
const usedMib = async (redis: Redis) =>
  (await statOf(redis, 'memory', /^used_memory:(\d+)/m)) / MIB;
const looks = (redis: Redis) => statOf(redis, 'commandstats', /cmdstat_info:calls=(\d+)/);
const refusedByRedis = (redis: Redis) => statOf(redis, 'errorstats', /errorstat_OOM:count=(\d+)/);

describe('the memory limit of Kaje', () => {
  it('holds against a flood of large tasks between two looks', async () => {
    const { redis, broker } = await start();
    const { stored, errors } = await flood(broker, ids(150));
    for (const error of errors) expect(error).to.be.instanceOf(BrokerUnavailableError);
    const said = errors.filter(({ message }) =>
      /of 16\.0 MiB .* 80 % .*KAJE_REDIS_ME/.test(message),
    );
    expect(said.length).to.be.at.least(100);
    expect(stored).to.be.within(1, 50);
    expect(await refusedByRedis(redis)).to.equal(0);
    expect(await redis.keys('*:t*')).to.have.length(stored);
  });

  it('holds where several processes flood at once, each with its own count', async () => {
    // What Redis needs to read and run a write, some MiB, is little of this.
    const { redis, brokers } = await start({ count: 3, maxMib: 64 });
    for (let wave = 0; wave < 30; wave++) {
      const sending = brokers.map((broker, i) => flood(broker, ids(3, `${wave}-${i}-`)));
      await Promise.all(sending);
    }
    expect(await refusedByRedis(redis)).to.equal(0);
    expect(await usedMib(redis)).to.be.within(40, 63);
  });

  it('asks Redis now and then, not with each task', async () => {
    const { redis, broker } = await start();
    const since = performance.now();
    const before = await looks(redis);
    for (const id of ids(1000)) await broker.add([messageOf(id)]);
    const seconds = (performance.now() - since) / 1000;
    // Two are those of this test.
    expect((await looks(redis)) - before).to.be.at.most(seconds + 4);
  });

  it('refuses the whole of a batch that is stored by several writes', async () => {
    const { redis, broker } = await start();
    const batch = ids(2500).map((id) =>
      messageOf(id, { body: { kwargs: { pad: 'x'.repeat(30_000) } } }),
    );
    const refused = await broker.add(batch).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(BrokerUnavailableError);
    expect(await redis.keys('*:t*')).to.deep.equal([]);
  });

  it('takes tasks again as soon as there is room', async () => {
    const { redis, broker } = await start();
    await flood(broker, ids(100));
    await redis.del(...(await redis.keys('*:t*')));
    await eventually(() => broker.add(big('again')).then(() => true));
  });

  it('says why nothing is taken while the memory is short', async () => {
    const { redis, broker } = await start();
    expect(await broker.checkWritable()).to.equal(undefined);
    await fill(redis);
    await eventually(async () =>
      expect(await broker.checkWritable()).to.match(/Redis holds .*KAJE_REDIS_MEMORY_LIMIT/),
    );
  });

  it('is none where it is turned off, or Redis makes room by itself', async () => {
    const off = await start({ memoryLimit: 100 });
    await fill(off.redis);
    const before = await looks(off.redis);
    await off.broker.add(big('a'));
    expect((await looks(off.redis)) - before).to.equal(1);

    const evicting = await start();
    await evicting.redis.config('SET', 'maxmemory-policy', 'volatile-lru');
    await fill(evicting.redis);
    await evicting.broker.add(big('a'));
  });
});
