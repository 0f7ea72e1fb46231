import { expect } from 'chai';
import { createLimiter, limitsIn, readLimits } from '../../../shared/brokers/limiter.ts';
import { InvalidRequestError } from '../../../shared/errors.ts';
import { specOf } from '../../../shared/registry.ts';
import type { TaskLimitsRequest } from '../../../shared/schemas.ts';
import { defineTask } from '../../../shared/task.ts';
import type { TaskOptions } from '../../../shared/taskOptions.ts';
import { respace } from '../../../shared/turns.ts';
import { startTestBroker } from '../../support/broker.ts';

const specFor = (options: TaskOptions = {}) =>
  specOf(defineTask('work', { ...options, run: () => 1 }));

async function startLimiter() {
  const { redis, keys } = await startTestBroker();
  return { redis, keys, limiter: createLimiter(redis, keys) };
}

describe('the limits of a task', () => {
  const none = { intervalMs: 0, maxConcurrency: 0, timeLimit: undefined, softTimeLimit: undefined };
  const own: TaskLimitsRequest = {
    rate_limit: '10/s',
    max_concurrency: 3,
    time_limit: 30,
    soft_time_limit: 20,
  };
  const table: readonly [why: string, set: TaskLimitsRequest, own: TaskLimitsRequest, object][] = [
    ['are none by default', {}, {}, none],
    [
      'are its own',
      {},
      own,
      { intervalMs: 100, maxConcurrency: 3, timeLimit: 30, softTimeLimit: 20 },
    ],
    [
      'are those that were set, each by itself',
      { rate_limit: '1/m', time_limit: 60 },
      own,
      { intervalMs: 60_000, maxConcurrency: 3, timeLimit: 60, softTimeLimit: 20 },
    ],
    [
      'are none where 0 was set',
      { rate_limit: '0', max_concurrency: 0, time_limit: 0, soft_time_limit: 0 },
      own,
      { intervalMs: 0, maxConcurrency: 0, timeLimit: 0, softTimeLimit: 0 },
    ],
    [
      'are its own where null was set',
      { rate_limit: null, max_concurrency: null, time_limit: null, soft_time_limit: null },
      own,
      { intervalMs: 100, maxConcurrency: 3, timeLimit: 30, softTimeLimit: 20 },
    ],
  ];
  for (const [why, set, given, expected] of table) {
    it(why, () => {
      expect(limitsIn(set, given)).to.deep.equal(expected);
    });
  }
});

describe('limits that are set at run time', () => {
  it('are merged into those that were set before, and null gives one back', async () => {
    const { redis, keys, limiter } = await startLimiter();
    const set = (limits: TaskLimitsRequest) => limiter.setLimits(specFor(), limits);
    expect(await set({ rate_limit: '10/s' })).to.deep.equal({ rate_limit: '10/s' });
    const both = { rate_limit: '10/s', max_concurrency: 2 };
    expect(await set({ max_concurrency: 2 })).to.deep.equal(both);
    expect(await set({})).to.deep.equal(both);
    expect(await readLimits(redis, keys)).to.deep.equal(new Map([['work', both]]));
    expect(await set({ rate_limit: null })).to.deep.equal({ max_concurrency: 2 });
    expect(await set({ max_concurrency: null })).to.deep.equal({});
    // Or workers would take it for lost, and put it back.
    expect(await readLimits(redis, keys)).to.deep.equal(new Map([['work', {}]]));
  });

  it('loses none where several are set at once', async () => {
    const { limiter } = await startLimiter();
    const all: TaskLimitsRequest[] = [
      { rate_limit: '10/s' },
      { max_concurrency: 2 },
      { time_limit: 30 },
      { soft_time_limit: 20 },
    ];
    await Promise.all(all.map((limits) => limiter.setLimits(specFor(), limits)));
    expect(await limiter.setLimits(specFor(), {})).to.deep.equal(Object.assign({}, ...all));
  });

  const wrong: readonly [why: string, limits: TaskLimitsRequest, path: string, own: TaskOptions][] =
    [
      ['what is no rate', { rate_limit: 'often' }, '/rate_limit', {}],
      ['a rate of nothing in a time', { rate_limit: '0/s' }, '/rate_limit', {}],
      [
        "a soft limit above the task's hard one",
        { soft_time_limit: 6 },
        '/soft_time_limit',
        { timeLimit: 5 },
      ],
      [
        "a hard limit below the task's soft one",
        { time_limit: 5 },
        '/time_limit',
        { softTimeLimit: 6 },
      ],
      [
        'two that cannot stand together',
        { time_limit: 5, soft_time_limit: 5 },
        '/soft_time_limit',
        {},
      ],
    ];
  for (const [why, limits, path, own] of wrong) {
    it(`are refused where they are ${why}, and nothing is stored`, async () => {
      const { redis, keys, limiter } = await startLimiter();
      const spec = specFor(own);
      const refusal = await limiter.setLimits(spec, limits).catch((error: unknown) => error);
      expect(refusal).to.be.instanceOf(InvalidRequestError);
      expect(refusal).to.have.nested.property('errors[0].path', path);
      expect(await redis.exists(keys.limits)).to.equal(0);
    });
  }

  it('may turn off what would not fit', async () => {
    const { limiter } = await startLimiter();
    const spec = specFor({ timeLimit: 5, softTimeLimit: 4 });
    const set = { time_limit: 0, soft_time_limit: 60 };
    expect(await limiter.setLimits(spec, set)).to.deep.equal(set);
  });
});

describe('the slots of tasks that wait for a rate', () => {
  it('are spaced anew in their order, without those that are over', async () => {
    const { redis, keys, limiter } = await startLimiter();
    const base = keys.queueBase('default');
    const names = Array.from({ length: 1200 }, (_, i) => `t${i}`);
    const write = redis.pipeline();
    for (const [i, id] of names.entries()) {
      const over = i % 3 === 0 ? { finishedOn: 1 } : {};
      write.hset(keys.job('default', id), { name: 'work', ...over });
      write.zadd(keys.reserved('work'), 1e12 + i, keys.job('default', id));
      if (i % 3 > 0) write.zadd(`${base}delayed`, (1e12 + i) * 4096, id);
    }
    await write.exec();
    const before = Date.now();
    await limiter.setLimits(specFor({ rateLimit: '1/h' }), { rate_limit: '1/m' });
    const slots = await redis.zrange(keys.reserved('work'), '0', '-1', 'WITHSCORES');
    expect(slots).to.have.length(1600);
    const first = Number(slots[1]);
    expect(first).to.be.within(before - 1000, Date.now() + 1000);
    const alive = names.filter((_, i) => i % 3 > 0);
    for (const [i, id] of alive.entries()) {
      expect(slots[2 * i]).to.equal(keys.job('default', id));
      expect(Number(slots[2 * i + 1])).to.be.closeTo(first + i * 60_000, 2);
    }
    expect(await redis.zrange(`${base}delayed`, '0', '-1')).to.deep.equal(alive);
    // Workers that sleep until a time that is too late wake up.
    expect(await redis.zscore(`${base}marker`, '1')).to.equal(String(Math.ceil(first)));
  });

  it('keep the distance from the last start when the rate is changed', async () => {
    const { redis, keys, limiter } = await startLimiter();
    const job = keys.job('default', 'next');
    const last = Date.now();
    await redis.hset(job, { name: 'work' });
    await redis.set(keys.rate('work'), last);
    await redis.zadd(keys.reserved('work'), last + 3_600_000, job);
    await redis.zadd(`${keys.queueBase('default')}delayed`, (last + 3_600_000) * 4096, 'next');
    await limiter.setLimits(specFor({ rateLimit: '1/h' }), { rate_limit: '1/m' });
    expect(Number(await redis.zscore(keys.reserved('work'), job))).to.equal(last + 60_000);
  });

  it('are spaced anew in portions, also where the rate is made slower', async () => {
    const { redis, keys, limiter } = await startLimiter();
    const base = keys.queueBase('default');
    const jobs = Array.from({ length: 1200 }, (_, i) => keys.job('default', `t${i}`));
    const write = redis.pipeline();
    for (const [i, job] of jobs.entries()) {
      write.hset(job, { name: 'work' });
      write.zadd(keys.reserved('work'), Date.now() + i * 1000, job);
      write.zadd(`${base}delayed`, (Date.now() + i * 1000) * 4096, `t${i}`);
    }
    await write.exec();
    const portions: number[] = [];
    const read = redis.zrevrange.bind(redis);
    Object.assign(redis, {
      async zrevrange(key: string, first: number, last: number) {
        const portion = await read(key, first, last);
        portions.push(portion.length);
        return portion;
      },
    });
    await limiter.setLimits(specFor({ rateLimit: '1/s' }), { rate_limit: '1/m' });
    expect(portions).to.deep.equal([500, 500, 200]);
    const slots = await redis.zrange(keys.reserved('work'), '0', '-1', 'WITHSCORES');
    const first = Number(slots[1]);
    for (const [i, job] of jobs.entries()) {
      expect(slots[2 * i]).to.equal(job);
      expect(Number(slots[2 * i + 1])).to.be.closeTo(first + i * 60_000, 2);
    }
  });

  it('are spaced anew when the same rate is set again: the first time may have failed half-way', async () => {
    const { redis, keys, limiter } = await startLimiter();
    const set = JSON.stringify({ rate_limit: '1/m' });
    await redis.hset(keys.limits, 'work', set);
    await redis.hset(keys.job('default', 'a'), { name: 'work' });
    await redis.zadd(keys.reserved('work'), Date.now() + 3_600_000, keys.job('default', 'a'));
    await limiter.setLimits(specFor({ rateLimit: '1/h' }), { rate_limit: '1/m' });
    const slot = Number(await redis.zscore(keys.reserved('work'), keys.job('default', 'a')));
    expect(slot - Date.now()).to.be.at.most(60_000);
  });

  it('do not move one that has left the line and waits for a retry', async () => {
    const { redis, keys } = await startLimiter();
    const [gone, waits] = [keys.job('default', 'gone'), keys.job('default', 'waits')];
    const delayed = `${keys.queueBase('default')}delayed`;
    for (const job of [gone, waits]) await redis.hset(job, { name: 'work' });
    await redis.zadd(keys.reserved('work'), 1e12, waits);
    await redis.zadd(delayed, 2e12 * 4096, 'gone', 1e12 * 4096, 'waits');
    const pace = { intervalMs: 1000, slot: 1.5e12 };
    const next = await respace(redis, keys.reserved('work'), [gone, waits], pace);
    expect(next).to.equal(1.5e12 + 1000);
    expect(Number(await redis.zscore(delayed, 'gone'))).to.equal(2e12 * 4096);
    expect(Number(await redis.zscore(keys.reserved('work'), waits))).to.equal(1.5e12);
    expect(await redis.zscore(keys.reserved('work'), gone)).to.equal(null);
  });
});
