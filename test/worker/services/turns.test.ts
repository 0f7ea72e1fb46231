import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import { createTurns } from '../../../worker/services/turns.ts';
import { testConfig } from '../../support/redis.ts';
import { testTools } from '../../support/tools.ts';

const HOUR = 3_600_000;

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
});
