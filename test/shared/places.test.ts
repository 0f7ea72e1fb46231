/** Who keeps a place of a concurrency limit though nobody has seen it for long: lua/turns.lua. */
import { expect } from 'chai';
import { takeTurn, tendTurns } from '../../shared/turns.ts';
import { startTestBroker } from '../support/broker.ts';

const OWN = { intervalMs: 0, maxConcurrency: 1 };

/** A task `a` that a worker has taken, and that holds the only place. */
async function startHolder() {
  const { redis, keys } = await startTestBroker();
  const base = keys.queueBase('default');
  const job = keys.job('default', 'a');
  await redis.hset(job, { name: 'work' });
  await redis.lpush(`${base}active`, 'a');
  await redis.set(`${job}:lock`, 'token');
  expect(await takeTurn(redis, keys, { task: 'work', job }, OWN)).to.deep.equal(['go']);
  return {
    redis,
    keys,
    base,
    job,
    lock: `${job}:lock`,
    /** Redis was away for more than a minute. */
    async outage() {
      await redis.del(`${job}:lock`);
      await redis.zadd(keys.running('work'), Date.now() - 61_000, job);
    },
    async tend() {
      await tendTurns(redis, keys, 'work', OWN);
      return redis.zrange(keys.running('work'), '0', '-1');
    },
    score: async () => Number(await redis.zscore(keys.running('work'), job)),
  };
}

describe('a place of a concurrency limit, after an outage of more than a minute', () => {
  it('is kept for a task that still runs, until its worker has renewed the lock', async () => {
    const { redis, job, lock, outage, tend, score } = await startHolder();
    await outage();
    expect(await tend()).to.deep.equal([job]);
    expect(await tend()).to.deep.equal([job]);
    await redis.set(lock, 'token');
    expect(await tend()).to.deep.equal([job]);
    expect(await score()).to.be.closeTo(Date.now(), 5000);
  });

  it('is given to nobody else meanwhile', async () => {
    const { redis, keys, outage } = await startHolder();
    await outage();
    const other = { task: 'work', job: keys.job('default', 'b') };
    expect(await takeTurn(redis, keys, other, OWN)).to.deep.equal(['parked']);
  });

  it('is free ten seconds later if nobody came back for it', async () => {
    const { redis, keys, job, outage, tend, score } = await startHolder();
    await outage();
    await tend();
    const leftMs = -(await score()) - Date.now();
    expect(leftMs).to.be.within(5000, 10_000);
    // Once these are over.
    await redis.zincrby(keys.running('work'), 10_001, job);
    expect(await tend()).to.deep.equal([]);
  });

  it('is free at once where the task waits in a queue without a worker', async () => {
    const { redis, base, outage, tend } = await startHolder();
    await outage();
    await redis.rpoplpush(`${base}active`, `${base}wait`);
    expect(await tend()).to.deep.equal([]);
  });
});
