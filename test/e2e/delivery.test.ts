/** Every task runs once over several worker processes, and only a dead worker's tasks run twice. */
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { createKeys } from '../../shared/keys.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { runWorkerProcess } from '../support/worker.ts';

const CHUNK = 1000;

/** Sends `count` tasks that leave a trace of each run, and returns their ids. */
async function sendTraces(api: TestApi, count: number, ms: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const tasks = Array.from({ length: Math.min(CHUNK, count - ids.length) }, () => ({
      name: 'trace',
      kwargs: { key: 'runs', ms },
    }));
    // After a 503 nothing was stored: the counts below would tell.
    const { status, body } = await eventually(async () => {
      const answer = await api.post('/v1/send_tasks', { tasks });
      return answer.status !== 503 && answer;
    });
    expect(status, JSON.stringify(body)).to.equal(202);
    ids.push(...body.tasks.map((task: { task_id: string }) => task.task_id));
  }
  return ids;
}

async function results(api: TestApi, ids: readonly string[]) {
  const all = [];
  for (let i = 0; i < ids.length; i += CHUNK) {
    const { body } = await eventually(async () => {
      const answer = await api.post('/v1/results', { task_ids: ids.slice(i, i + CHUNK) });
      return answer.status !== 503 && answer;
    });
    all.push(...body.results);
  }
  return all;
}

async function allSucceeded(api: TestApi, count: number, withinMs: number): Promise<void> {
  await eventually(async () => {
    const { body } = await api.get('/v1/queues/default');
    expect(body).to.include({ succeeded: count, failed: 0, waiting: 0, active: 0 });
    return true;
  }, withinMs);
}

/** Ids of all connections that Redis has. */
async function connectionsOf(redis: Redis): Promise<string[]> {
  const list = String(await redis.client('LIST'));
  return [...list.matchAll(/^id=(\d+)/gm)].flatMap(([, id]) => id ?? []);
}

describe('delivery over two worker processes', () => {
  it('runs each of 10,000 tasks exactly once, and both take part', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    await Promise.all([
      runWorkerProcess(api.config, ['--name', 'one', '--log-level', 'warn']),
      runWorkerProcess(api.config, ['--name', 'two', '--log-level', 'warn']),
    ]);
    const ids = await sendTraces(api, 10_000, 0);
    await allSucceeded(api, 10_000, 60_000);
    const runs = await redis.lrange(`${api.config.prefix}.runs:runs`, 0, -1);
    expect(runs).to.have.length(10_000);
    expect(new Set(runs)).to.deep.equal(new Set(ids));
    const workers = (await results(api, ids)).map(({ worker }) => worker);
    expect(new Set(workers)).to.deep.equal(new Set(['one', 'two']));
  });

  it('loses none when one is killed half-way, and runs only those twice that it held', async () => {
    // A Redis of its own: only there it is known whose a connection is.
    const { url } = await ownRedis();
    const redis = testRedis(url);
    const config = testConfig({ redisUrl: url });
    const keys = createKeys(config.prefix);
    const others = await connectionsOf(redis);
    const doomed = await runWorkerProcess(config, ['--name', 'doomed', '--log-level', 'warn']);
    const its = new Set((await connectionsOf(redis)).filter((id) => !others.includes(id)));
    const api = await startTestApi(config);
    const ids = await sendTraces(api, 10_000, 5);
    await runWorkerProcess(api.config, ['--name', 'other', '--log-level', 'warn']);
    await eventually(
      async () => (await redis.zcard(keys.finished('default', true))) > 2000,
      30_000,
    );
    doomed.child.kill('SIGKILL');
    // What it had sent before is read before its connections end; from then on it holds what it holds.
    await eventually(async () => !(await connectionsOf(redis)).some((id) => its.has(id)));
    const active = await redis.lrange(`${keys.queueBase('default')}active`, 0, -1);
    const heldBy = await Promise.all(active.map((id) => redis.hget(keys.job('default', id), 'pb')));
    const held = new Set(active.filter((_, i) => heldBy[i] === 'doomed'));
    expect(held.size).to.be.greaterThan(0);

    await allSucceeded(api, 10_000, 60_000);
    const runs = await redis.lrange(`${api.config.prefix}.runs:runs`, 0, -1);
    expect(new Set(runs)).to.deep.equal(new Set(ids));
    const seen = new Set<string>();
    const twice = runs.filter((id) => seen.has(id) || !seen.add(id));
    expect(new Set(twice).size).to.equal(twice.length);
    expect([...new Set(twice)].filter((id) => !held.has(id))).to.deep.equal([]);
    const states = new Set((await results(api, ids)).map(({ state }) => state));
    expect(states).to.deep.equal(new Set(['SUCCESS']));
  });

  it("takes a dead worker's task over within 10 s", async () => {
    const api = await startTestApi();
    const redis = testRedis();
    const doomed = await runWorkerProcess(api.config, ['--name', 'doomed']);
    const { body } = await api.post('/v1/send_task', {
      name: 'trace',
      kwargs: { key: 'runs', ms: 60_000 },
    });
    await eventually(async () => (await redis.llen(`${api.config.prefix}.runs:runs`)) === 1);
    await runWorkerProcess(api.config, ['--name', 'heir']);
    const killedAt = Date.now();
    doomed.child.kill('SIGKILL');
    const job = createKeys(api.config.prefix).job('default', body.task_id);
    await eventually(async () => (await redis.hget(job, 'pb')) === 'heir', 25_000);
    expect(Date.now() - killedAt).to.be.lessThan(10_000);
    // In a process of its own, which has to start.
    await eventually(
      async () => (await redis.llen(`${api.config.prefix}.runs:runs`)) === 2,
      25_000,
    );
    const { body: task } = await api.get(`/v1/tasks/${body.task_id}`);
    expect(task).to.include({ state: 'STARTED', worker: 'heir', retries: 0 });
  });
});
