/** Results go when their time is over, whatever their number, and without Redis being kept from others. */
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { loadConfig } from '../../../shared/config.ts';
import { createKeys } from '../../../shared/keys.ts';
import { createSweeper } from '../../../worker/services/sweeper.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';
import { testRedis } from '../../support/redis.ts';
import { type Results, storeResults } from '../../support/results.ts';
import { ownRedis } from '../../support/server.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** All are due. */
const OLD = { oldestMs: 2 * DAY_MS, youngestMs: DAY_MS + 1000 };

/** A Redis of its own with results, and what starts a sweeper that makes one pass, or many. */
async function start(results: readonly Results[], given: { resultsMax?: number } = {}) {
  const redis = testRedis((await ownRedis()).url);
  const keys = createKeys('kaje');
  for (const each of results) await storeResults(redis, keys, each);
  const { log, lines } = collectLog();
  const sweep = (everyMs = 600_000) => {
    const config = loadConfig({}, given);
    const sweeper = createSweeper({ redis, keys, config, log, everyMs });
    defer(() => sweeper.stop());
    return sweeper.start();
  };
  const left = (succeeded = true) => redis.zrange(keys.finished('default', succeeded), '0', '-1');
  return { redis, keys, lines, sweep, left };
}

/** The most milliseconds that Redis was busy with one command since its log was reset. */
async function slowest(redis: Redis): Promise<number> {
  // Answers of SLOWLOG are [id, time, microseconds, ...].
  const entries = (await redis.slowlog('GET', '1000')) as [number, number, number][];
  return Math.max(0, ...entries.map(([, , micros]) => micros)) / 1000;
}

describe('the sweeper', () => {
  it('takes the turn of one that is gone also where the clock of Redis was set back', async () => {
    const { redis, keys, sweep, left } = await start([{ ...OLD, count: 3 }]);
    await redis.set(keys.sweeper, 'gone', 'PX', 3_600_000);
    await sweep(100);
    await eventually(async () => (await left()).length === 0);
  });

  it('removes all that is due in one pass, with all its keys, a little at a time', async () => {
    const { redis, keys, sweep } = await start([{ ...OLD, count: 30_000 }]);
    await redis.set(`${keys.job('default', 'r7')}:lock`, 'left behind');
    await redis.config('RESETSTAT');
    await redis.slowlog('RESET');
    await sweep();
    await eventually(
      async () => (await redis.exists(keys.finished('default', true))) === 0,
      25_000,
    );
    expect(await redis.keys('kaje:*')).to.deep.equal([]);
    const stats = await redis.info('commandstats');
    const scripts = Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]);
    const msEach = Number(/cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(stats)?.[1]) / 1000;
    expect(scripts).to.be.above(30);
    expect(msEach).to.be.below(5);
    // One may have been held up by others of this machine.
    expect(await slowest(redis)).to.be.below(50);
  });

  it('removes the oldest where there are too many of an outcome', async () => {
    const young = { oldestMs: HOUR_MS, youngestMs: 0, count: 1500 };
    const { sweep, left } = await start([young, { ...young, queue: 'other' }], {
      resultsMax: 1000,
    });
    await sweep();
    await eventually(async () => expect(await left()).to.have.length(1000));
    expect((await left())[0]).to.equal('r500');
  });

  it('keeps what is not due, by what the workers of its queue have said', async () => {
    const { redis, keys, sweep, left } = await start([
      { oldestMs: 100_000, youngestMs: 1, count: 101 },
      { ...OLD, succeeded: false, queue: 'long', count: 3 },
    ]);
    await redis.hset(keys.queueMeta('default'), 'kaje.resultExpires', 50);
    await redis.hset(keys.queueMeta('long'), 'kaje.resultExpires', 1_000_000);
    await sweep();
    await eventually(async () => expect((await left()).length).to.be.within(40, 50));
    expect(await redis.zcard(keys.finished('long', false))).to.equal(3);
  });

  it('leaves a task alone that was sent again under the id of a result', async () => {
    const { redis, keys, sweep, left } = await start([{ ...OLD, count: 2 }]);
    await redis.hdel(keys.job('default', 'r1'), 'finishedOn', 'returnvalue');
    await sweep();
    await eventually(async () => expect(await left()).to.deep.equal([]));
    expect(await redis.exists(keys.job('default', 'r0'))).to.equal(0);
    expect(await redis.hget(keys.job('default', 'r1'), 'name')).to.equal('add');
  });

  it('waits while another worker has the turn, and takes it over from a dead one', async () => {
    const { redis, keys, sweep, left } = await start([{ ...OLD, count: 2 }]);
    await redis.set(keys.sweeper, 'another');
    await sweep(20);
    await redis.config('RESETSTAT');
    await eventually(async () => /evalsha:calls=[3-9]/.test(await redis.info('commandstats')));
    expect(await left()).to.have.length(2);
    await redis.pexpire(keys.sweeper, 50);
    await eventually(async () => expect(await left()).to.deep.equal([]));
  });

  it('needs no memory: in a full Redis, too, what is due goes', async () => {
    const { redis, sweep, left } = await start([{ ...OLD, count: 5000 }]);
    await redis.config('SET', 'maxmemory', '1mb');
    await sweep();
    await eventually(async () => expect(await left()).to.deep.equal([]));
  });
});

describe('a Redis that is nearly full', () => {
  const MB = 2 ** 20;
  const used = async (redis: Redis) =>
    Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);

  it('gets room by the oldest results, down to below the limit, and says so once', async () => {
    const { redis, lines, sweep, left } = await start([
      { oldestMs: HOUR_MS, youngestMs: 60_000, count: 3000, bytes: 10_000 },
    ]);
    const max = Math.floor((await used(redis)) * 1.1);
    await redis.config('SET', 'maxmemory', max);
    await sweep(50);
    await eventually(async () => expect(await used(redis)).to.be.below(0.8 * max));
    await eventually(() => lines.some(({ msg }) => /has room again/.test(msg)));
    const ids = (await left()).map((id) => Number(id.slice(1)));
    expect(ids.at(-1)).to.equal(2999);
    expect(ids.length).to.be.within(1000, 2600);
    expect(ids[0]).to.equal(3000 - ids.length);
    expect(lines.filter(({ msg }) => /nearly full/.test(msg))).to.have.length(1);
  });

  it('keeps what has just ended, and what it has where it may evict by itself', async () => {
    const { redis, lines, sweep, left } = await start([
      { oldestMs: HOUR_MS, youngestMs: 60_000, count: 10 },
      { oldestMs: 0, youngestMs: 0, count: 10, succeeded: false },
    ]);
    await redis.config('SET', 'maxmemory', MB / 2);
    await redis.config('SET', 'maxmemory-policy', 'volatile-lru');
    await sweep(50);
    await redis.config('RESETSTAT');
    await eventually(async () => /cmdstat_info:calls=[3-9]/.test(await redis.info('commandstats')));
    expect(await left()).to.have.length(10);
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    await eventually(async () => expect(await left()).to.deep.equal([]));
    await eventually(() => lines.some(({ msg }) => /nearly full/.test(msg)));
    expect(await left(false)).to.have.length(10);
  });
});
