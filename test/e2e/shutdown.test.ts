/** What SIGTERM does to a worker: running tasks end within the grace, the rest goes back. */
import { expect } from 'chai';
import { Kaje } from '../../client/index.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { runWorkerProcess } from '../support/worker.ts';

async function sendTraces(api: TestApi, durations: readonly number[]): Promise<string[]> {
  const tasks = durations.map((ms) => ({ name: 'trace', kwargs: { key: 'runs', ms } }));
  const { body } = await api.post('/v1/send_tasks', { tasks });
  return body.tasks.map((task: { task_id: string }) => task.task_id);
}

const runsIn = async (api: TestApi) => testRedis().lrange(`${api.config.prefix}.runs:runs`, 0, -1);

const states = async (api: TestApi, ids: readonly string[]) =>
  (await api.post('/v1/results', { task_ids: ids })).body.results;

describe('a worker that gets SIGTERM', () => {
  it('lets running tasks end within the grace, exits 0, and none runs twice', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--grace', '20']);
    const ids = await sendTraces(api, [100, 500, 1000, 1500]);
    await eventually(async () => (await runsIn(api)).length === 4);
    worker.child.kill('SIGTERM');
    await eventually(() => worker.output().includes('running tasks may end'));
    const late = await sendTraces(api, [0]);
    expect(await worker.ended).to.equal(0);
    for (const { state } of await states(api, ids)) expect(state).to.equal('SUCCESS');
    expect((await states(api, late))[0]).to.include({ state: 'PENDING' });
    expect(await runsIn(api)).to.have.length(4);
  });

  it('puts what still runs after the grace back, and it runs elsewhere with its retries unchanged', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--grace', '0.5']);
    const [id = ''] = await sendTraces(api, [20_000]);
    await eventually(async () => (await runsIn(api)).length === 1);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    expect((await states(api, [id]))[0]).to.include({ state: 'PENDING', retries: 0, worker: null });

    await runWorkerProcess(api.config, ['--name', 'heir']);
    await eventually(async () => (await runsIn(api)).length === 2);
    expect((await states(api, [id]))[0]).to.include({
      state: 'STARTED',
      retries: 0,
      worker: 'heir',
    });
  });

  it('puts them back at once at the second SIGTERM', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--grace', '600']);
    const ids = await sendTraces(api, [60_000, 60_000]);
    await eventually(async () => (await runsIn(api)).length === 2);
    worker.child.kill('SIGTERM');
    await eventually(() => worker.output().includes('stopping'));
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    for (const { state } of await states(api, ids)) expect(state).to.equal('PENDING');
  });

  it('stops in order, too, when its terminal is closed', async () => {
    const { config } = await startTestApi();
    const worker = await runWorkerProcess(config);
    worker.child.kill('SIGHUP');
    expect(await worker.ended).to.equal(0);
  });

  it('aborts the signal of a task that it gives up', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--grace', '0']);
    const { body } = await api.post('/v1/send_task', { name: 'long', kwargs: { ms: 60_000 } });
    await eventually(
      async () => (await api.get(`/v1/tasks/${body.task_id}`)).body.state === 'PROGRESS',
    );
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    expect((await api.get(`/v1/tasks/${body.task_id}`)).body).to.include({
      state: 'PENDING',
      error: null,
    });
  });
});

/** Fails unless `end` comes within so many milliseconds. */
async function endsWithin<T>(ms: number, what: string, end: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const value = await end;
  expect(performance.now() - startedAt, `ms until the end of ${what}`).to.be.below(ms);
  return value;
}

describe('beside a Redis that never answers', () => {
  it('API, client and worker end all the same', async () => {
    const redis = await ownRedis();
    const config = testConfig({ redisUrl: redis.url });
    const worker = await runWorkerProcess(config);
    const api = await startTestApi(config);
    const kaje = new Kaje({ redis: redis.url, prefix: config.prefix });
    expect(await kaje.workers()).to.have.length(1);
    expect((await api.get('/v1/workers')).body.workers).to.have.length(1);

    process.kill(redis.pid(), 'SIGSTOP');
    // A frozen one would not stop either.
    defer(() => process.kill(redis.pid(), 'SIGCONT'));
    worker.child.kill('SIGTERM');
    const [code] = await Promise.all([
      endsWithin(10_000, 'the worker', worker.ended),
      endsWithin(10_000, 'the API', api.stop()),
      endsWithin(10_000, 'the client', kaje.close()),
    ]);
    expect(code).to.equal(0);
  });

  it('a worker that runs nothing ends without its grace when Redis is gone', async () => {
    const redis = await ownRedis();
    const worker = await runWorkerProcess(testConfig({ redisUrl: redis.url }), ['--grace', '50']);
    await redis.stop();
    await eventually(() => worker.output().includes('unreachable'));
    worker.child.kill('SIGTERM');
    expect(await endsWithin(8000, 'the worker', worker.ended)).to.equal(0);
  });
});
