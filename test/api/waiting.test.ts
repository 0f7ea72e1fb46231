import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { hold } from '../fixtures/quick.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { startApiAlone } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

const CLIENTS = 500;

/** Connections to this Redis, without the one that asks. */
async function connections(redis: Redis): Promise<number> {
  const list = String(await redis.client('LIST'));
  return list.trim().split('\n').length - 1;
}

describe('500 clients that wait', () => {
  it('hold at most 3 connections to Redis and are all answered soon after their tasks end', async () => {
    const { url } = await ownRedis();
    const { api, redis: publisher } = await startApiAlone([hold], { redisUrl: url });
    publisher.disconnect();
    const redis = testRedis(url);
    const tasks = Array.from({ length: CLIENTS }, (_, n) => ({
      ...{ name: 'hold', kwargs: { ms: 1 }, task_id: `t${n}` },
    }));
    await api.post('/v1/send_tasks', { tasks });
    let answered = 0;
    const answers = tasks.map(async ({ task_id }) => {
      const answer = await api.get(`/v1/tasks/${task_id}?wait=30`);
      answered++;
      return answer.body;
    });
    // Every shard of the news is subscribed to once all of them wait.
    await eventually(async () => (await redis.pubsub('CHANNELS', '*')).length >= 17);
    expect(answered).to.equal(0);
    expect(await connections(redis)).to.be.at.most(3);
    await startTestWorker(api.config, [hold]);
    const bodies = await Promise.all(answers);
    for (const body of bodies) expect(body).to.include({ state: 'SUCCESS', result: 'held' });
    const lastEnd = Math.max(...bodies.map(({ date_done }) => Date.parse(date_done)));
    // They have waited for 30 s at most; on a busy machine 500 answers take some seconds.
    expect(Date.now() - lastEnd).to.be.below(10_000);
  });
});
