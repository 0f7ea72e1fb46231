/** What SIGTERM does to a worker: running tasks end within the grace, the rest goes back. */
import { expect } from 'chai';
import { Kaje } from '../../client/index.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { countStates, endOf, recordsOf, sendAll, times } from '../support/batches.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { runWorkerProcess } from '../support/worker.ts';

const sendTraces = (api: TestApi, durations: readonly number[]) =>
  sendAll(
    api,
    durations.map((ms) => ({ name: 'trace', kwargs: { key: 'runs', ms } })),
  );

const runsIn = async (api: TestApi) => testRedis().lrange(`${api.config.prefix}.runs:runs`, 0, -1);

/** Fails unless `end` comes within so many milliseconds. */
async function endsWithin<T>(ms: number, what: string, end: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const value = await end;
  expect(performance.now() - startedAt, `ms until the end of ${what}`).to.be.below(ms);
  return value;
}

/** How often each task ran. */
const countRuns = (ids: readonly string[], runs: readonly string[]) =>
  ids.map((id) => runs.filter((run) => run === id).length);

/** 20 tasks that take 0 to 3 s, all of them begun by a worker with this grace, which then gets SIGTERM. */
async function interrupt(api: TestApi, grace: string) {
  const args = ['--grace', grace, '--queues', 'default:20'];
  const worker = await runWorkerProcess(api.config, args);
  const ids = await sendTraces(
    api,
    times(20, (i) => (i * 3000) / 19),
  );
  await eventually(async () => (await runsIn(api)).length === 20);
  worker.child.kill('SIGTERM');
  return { worker, ids };
}

describe('a worker that gets SIGTERM with 20 running tasks of 0 to 3 s', () => {
  it('lets them end within the grace, exits 0, and none runs twice', async () => {
    const api = await startTestApi();
    const { worker, ids } = await interrupt(api, '5');
    await eventually(() => worker.output().includes('running tasks may end'));
    const late = await sendTraces(api, [0]);
    expect(await worker.ended).to.equal(0);
    await runWorkerProcess(api.config, ['--name', 'heir']);
    await endOf(api, late, 60_000);
    const records = await recordsOf(api, ids);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 20 });
    for (const { worker: name } of records) expect(name).not.to.equal('heir');
    expect(countRuns(ids, await runsIn(api))).to.deep.equal(times(20, () => 1));
  });

  it('puts back what runs longer than the grace, and it runs elsewhere with its retries unchanged', async () => {
    const api = await startTestApi();
    const { worker, ids } = await interrupt(api, '1');
    expect(await endsWithin(5000, 'the worker', worker.ended)).to.equal(0);
    const left = await recordsOf(api, ids);
    const rest = left.filter(({ ready }) => !ready);
    expect(rest.length).to.be.within(5, 15);
    for (const record of rest)
      expect(record).to.include({ state: 'PENDING', retries: 0, worker: null });

    await runWorkerProcess(api.config, ['--name', 'heir']);
    const records = await endOf(api, ids, 60_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 20 });
    for (const { retries } of records) expect(retries).to.equal(0);
    const runs = left.map(({ ready }) => (ready ? 1 : 2));
    expect(countRuns(ids, await runsIn(api))).to.deep.equal(runs);
    expect(records.map(({ worker: name }) => name === 'heir')).to.deep.equal(
      left.map(({ ready }) => !ready),
    );
  });
});

describe('a worker that gets SIGTERM', () => {
  it('puts them back at once at the second SIGTERM', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--grace', '600']);
    const ids = await sendTraces(api, [60_000, 60_000]);
    await eventually(async () => (await runsIn(api)).length === 2);
    worker.child.kill('SIGTERM');
    await eventually(() => worker.output().includes('stopping'));
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    for (const { state } of await recordsOf(api, ids)) expect(state).to.equal('PENDING');
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
