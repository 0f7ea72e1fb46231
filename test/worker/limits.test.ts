import { expect } from 'chai';
import { createKeys } from '../../shared/keys.ts';
import { defineTask } from '../../shared/task.ts';
import { createLimits } from '../../worker/limits.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { redisProxy } from '../support/proxy.ts';
import { testConfig, testRedis } from '../support/redis.ts';

const task = defineTask('work', { rateLimit: '1/s', timeLimit: 5, run: () => 1 });

/** The limits of a worker, and what sets them at run time without telling it. */
async function startLimits(url?: string) {
  const config = testConfig({ timeLimit: 60 });
  const keys = createKeys(config.prefix);
  const other = testRedis();
  const set = (limits: object) => other.hset(keys.limits, 'work', JSON.stringify(limits));
  const redis = testRedis(url);
  const { log, lines } = collectLog();
  const limits = createLimits({ redis, keys, config, log });
  defer(() => limits.stop());
  return { limits, set, redis, lines };
}

describe('the limits of a worker', () => {
  it('that were set at run time hold from its start, over those of the task', async () => {
    const { limits, set } = await startLimits();
    await set({ rate_limit: '10/s', max_concurrency: 2 });
    await limits.start();
    const expected = { intervalMs: 100, maxConcurrency: 2, timeLimit: 5 };
    expect(limits.of(task, {})).to.include(expected);
    expect(limits.own(task)).to.include({ intervalMs: 1000, maxConcurrency: 0 });
    expect(limits.of(task, { time_limit: 7 })).to.include({ ...expected, timeLimit: 7 });
  });

  it('are read again now and then: the news of a change may get lost', async () => {
    const { limits, set } = await startLimits();
    await limits.start();
    expect(limits.of(task, {})).to.include({ intervalMs: 1000, maxConcurrency: 0 });
    await set({ rate_limit: '10/s' });
    await eventually(() => limits.of(task, {}).intervalMs === 100);
    await set({ rate_limit: '20/s' });
    await eventually(() => limits.of(task, {}).intervalMs === 50);
  });

  it('stay as they are while Redis is away, and are read again once it is back', async () => {
    const proxy = await redisProxy();
    const { limits, set, redis, lines } = await startLimits(proxy.url);
    await set({ rate_limit: '10/s' });
    await limits.start();
    proxy.cut();
    await set({ rate_limit: '20/s' });
    expect(limits.of(task, {})).to.include({ intervalMs: 100 });
    await eventually(() => redis.status === 'ready');
    await eventually(() => limits.of(task, {}).intervalMs === 50);
    expect(lines).to.deep.equal([]);
  });
});
