import { expect } from 'chai';
import { defineTask, type Task } from '../../../shared/task.ts';
import { createTurns } from '../../../worker/services/turns.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';
import { redisProxy } from '../../support/proxy.ts';
import { testConfig } from '../../support/redis.ts';
import { testTools } from '../../support/tools.ts';

const HOUR = 3_600_000;
const run = () => 1;

describe('whoever looks after tasks that wait for their turn', () => {
  it('goes by the limits of now, not by those that this worker has read before', async () => {
    const task = defineTask('paced', { rateLimit: '1/h', run: () => 1 });
    const tools = testTools(testConfig(), [task]);
    const { redis, keys, limits } = tools;
    await redis.hset(keys.limits, 'paced', JSON.stringify({ rate_limit: '0' }));
    await limits.refresh();
    // Given back to the task, and the worker has not heard of it yet.
    await redis.hdel(keys.limits, 'paced');
    expect(limits.of(task, {}).intervalMs).to.equal(0);
    const job = keys.job('default', 'a');
    await redis.hset(job, { name: 'paced' });
    await redis.set(keys.rate('paced'), Date.now());
    await redis.zadd(keys.reserved('paced'), Date.now() + HOUR, job);
    await redis.zadd(`${keys.queueBase('default')}delayed`, (Date.now() + HOUR) * 4096, 'a');
    await createTurns(tools).tend();
    expect(await redis.zcard(keys.reserved('paced'))).to.equal(1);
  });

  const lines: readonly [title: string, task: Task, line: 'reserved' | 'parked'][] = [
    ['turns that got lost', defineTask('single', { maxConcurrency: 1, run }), 'parked'],
    ['a slot that moves up', defineTask('paced', { rateLimit: '1000/s', run }), 'reserved'],
    ['what workers without the task parked', defineTask('free', { run }), 'parked'],
  ];
  for (const [title, task, line] of lines) {
    it(`finds ${title} after its start too, at its next look`, async () => {
      const { redis, keys, ...tools } = testTools(testConfig(), [task]);
      const turns = createTurns({ redis, keys, ...tools });
      await turns.start();
      defer(() => turns.stop());
      const base = keys.queueBase('default');
      const job = keys.job('default', 'a');
      await redis.hset(job, { name: task.name });
      await redis.zadd(`${base}delayed`, (Date.now() + HOUR) * 4096, 'a');
      await redis.zadd(keys[line](task.name), Date.now() + HOUR, job);
      await eventually(async () => {
        const due = Number((await redis.zscore(`${base}delayed`, 'a')) ?? 0) / 4096;
        return due < Date.now() + HOUR / 2;
      });
    });
  }

  it('leaves a Redis that is away alone, and goes on once it is back', async () => {
    const proxy = await redisProxy();
    const { log, lines: told } = collectLog();
    const task = defineTask('single', { maxConcurrency: 1, run });
    const tools = testTools(testConfig({ redisUrl: proxy.url }), [task], { log });
    const { redis, keys } = tools;
    const turns = createTurns({ ...tools, log });
    await turns.start();
    defer(() => turns.stop());
    proxy.cut();
    await eventually(() => redis.status === 'ready' && told.some(({ msg }) => /back/.test(msg)));
    const base = keys.queueBase('default');
    await redis.hset(keys.job('default', 'a'), { name: 'single' });
    await redis.zadd(`${base}delayed`, (Date.now() + HOUR) * 4096, 'a');
    await redis.zadd(keys.parked('single'), Date.now(), keys.job('default', 'a'));
    await eventually(async () => (await redis.lrange(`${base}wait`, 0, -1))[0] === 'a');
    expect(told.filter(({ service }) => service)).to.deep.equal([]);
  });
});
