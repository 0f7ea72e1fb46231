/** A Redis that is away for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { runWorkerProcess } from '../support/worker.ts';

describe('Redis goes and comes back', () => {
  it('runs each task once, and stores each end, when Redis is away for longer than the locks', async () => {
    const redis = await ownRedis();
    const api = await startTestApi({ redisUrl: redis.url });
    const quiet = ['--log-level', 'warn'];
    await Promise.all([runWorkerProcess(api.config, quiet), runWorkerProcess(api.config, quiet)]);
    await eventually(async () => (await api.get('/health/ready')).status === 200);
    const tasks = [1000, 1000, 20_000, 20_000].map((ms, i) => ({
      name: 'trace',
      kwargs: { key: `runs${i}`, ms },
    }));
    const { body: sent } = await api.post('/v1/send_tasks', { tasks });
    const look = testRedis(redis.url);
    const runs = () =>
      Promise.all(tasks.map((_, i) => look.llen(`${api.config.prefix}.runs:runs${i}`)));
    await eventually(async () => expect(await runs()).to.deep.equal([1, 1, 1, 1]) && true);
    process.kill(redis.pid(), 'SIGKILL');
    await sleep(16_000);
    await redis.start();
    const task_ids = sent.tasks.map((task: { task_id: string }) => task.task_id);
    await eventually(async () => {
      const { status, body } = await api.post('/v1/results', { task_ids });
      return status === 200 && body.results.every((task: { ready: boolean }) => task.ready);
    }, 30_000);
    const { body } = await api.post('/v1/results', { task_ids });
    for (const task of body.results) expect(task).to.include({ state: 'SUCCESS', retries: 0 });
    expect(await runs()).to.deep.equal([1, 1, 1, 1]);
  });
});
