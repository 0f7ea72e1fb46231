/** Redis goes and comes back: workers wait, and what was accepted ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { FIXTURES, runKaje, runWorkerProcess } from '../support/worker.ts';

describe('Redis goes and comes back', () => {
  it('a worker that starts without Redis waits with one log line, and goes on when it is there', async () => {
    const redis = await ownRedis();
    await redis.stop();
    const { prefix } = testConfig({ redisUrl: redis.url });
    const env = { KAJE_REDIS_URL: redis.url, KAJE_PREFIX: prefix, KAJE_LOG_FORMAT: 'json' };
    const worker = runKaje(['worker', '--tasks', FIXTURES], env);
    await eventually(() => worker.output().includes('unreachable'));
    // Long enough for a dozen attempts, each of which could write a line, and for what is told of a loop
    // that stands still for 5 s: this one turns.
    await sleep(8000);
    expect(worker.output().match(/unreachable/g)).to.have.length(1);
    expect(worker.output()).not.to.contain('blocked');
    await redis.start();
    await eventually(() => worker.output().includes('worker is ready'));
    expect(worker.output().match(/Redis is back/g)).to.have.length(1);
    const api = await startTestApi({ redisUrl: redis.url, prefix });
    const { body } = await eventually(async () => {
      const answer = await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2] });
      return answer.status === 200 && answer;
    });
    expect(body).to.include({ state: 'SUCCESS', result: 3 });
  });

  it('ends every accepted task when Redis is restarted twice under load', async () => {
    const redis = await ownRedis();
    const api = await startTestApi({ redisUrl: redis.url });
    await Promise.all([
      runWorkerProcess(api.config, ['--log-level', 'warn']),
      runWorkerProcess(api.config, ['--log-level', 'warn']),
    ]);
    await eventually(async () => (await api.get('/health/ready')).status === 200);
    const accepted: string[] = [];
    let isLoading = true;
    let refused = 0;
    const load = (async () => {
      while (isLoading) {
        const tasks = Array.from({ length: 20 }, () => ({
          name: 'trace',
          kwargs: { key: 'runs', ms: 5 },
        }));
        const { status, body } = await api.post('/v1/send_tasks', { tasks });
        if (status === 202)
          accepted.push(...body.tasks.map((task: { task_id: string }) => task.task_id));
        else refused++;
        await sleep(10);
      }
    })();
    const grow = (by: number) => {
      const from = accepted.length;
      return eventually(() => accepted.length >= from + by);
    };
    await grow(500);
    await redis.stop();
    await redis.start();
    await grow(500);
    // Killed, not stopped: what was acknowledged is in the AOF all the same.
    process.kill(redis.pid(), 'SIGKILL');
    await eventually(() => refused > 0);
    await redis.start();
    await grow(500);
    isLoading = false;
    await load;

    const done = testRedis(redis.url);
    const isDone = async () => {
      const found = await done.zcard(`${api.config.prefix}:default:completed`);
      expect(found).to.be.at.least(accepted.length);
      return true;
    };
    await eventually(isDone, 40_000);
    for (let i = 0; i < accepted.length; i += 1000) {
      const { body } = await api.post('/v1/results', { task_ids: accepted.slice(i, i + 1000) });
      for (const task of body.results) expect(task).to.include({ state: 'SUCCESS' });
    }
  });

  it('a task that ends while Redis is away is stored when it is back, and does not run again', async () => {
    const redis = await ownRedis();
    const api = await startTestApi({ redisUrl: redis.url });
    const worker = await runWorkerProcess(api.config);
    await eventually(async () => (await api.get('/health/ready')).status === 200);
    const { body } = await api.post('/v1/send_task', {
      name: 'trace',
      kwargs: { key: 'runs', ms: 1000 },
    });
    const look = testRedis(redis.url);
    await eventually(async () => (await look.llen(`${api.config.prefix}.runs:runs`)) === 1);
    await redis.stop();
    await eventually(() => worker.output().includes('task succeeded'));
    await redis.start();
    const task = await eventually(async () => {
      const answer = await api.get(`/v1/tasks/${body.task_id}`);
      return answer.status === 200 && answer.body.ready && answer.body;
    }, 30_000);
    expect(task).to.include({ state: 'SUCCESS' });
    expect(await look.llen(`${api.config.prefix}.runs:runs`)).to.equal(1);
  });
});
