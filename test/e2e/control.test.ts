/** Remote control of real worker processes: what must hold when processes, not promises, are told. */
import { expect } from 'chai';
import { startTestApi, type TestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const traces = (api: TestApi, key: string) =>
  testRedis().lrange(`${api.config.prefix}.runs:${key}`, 0, -1);

async function sendTraces(
  api: TestApi,
  key: string,
  given: readonly { ms?: number; queue?: string }[],
) {
  const tasks = given.map(({ ms = 0, queue = 'default' }) => ({
    name: 'trace',
    kwargs: { key, ms },
    queue,
  }));
  const { body } = await api.post('/v1/send_tasks', { tasks });
  return body.tasks.map((task: { task_id: string }) => task.task_id) as string[];
}

const control = async (api: TestApi, worker: string, command: string, args: object = {}) => {
  const { status, body } = await api.post(`/v1/workers/${worker}/${command}`, args);
  expect(status, JSON.stringify(body)).to.equal(200);
  return body.answer;
};

const queuesOf = async (api: TestApi, worker: string): Promise<string[]> => {
  const { body } = await api.get(`/v1/workers/${worker}`);
  return body.queues.map(({ name }: { name: string }) => name).sort();
};

describe('a worker process that is stopped in its tracks', () => {
  it('is named as missing by inspections, and as silent by commands, while others answer', async () => {
    const api = await startTestApi();
    const [frozen] = await Promise.all([
      runWorkerProcess(api.config, ['--name', 'frozen']),
      runWorkerProcess(api.config, ['--name', 'free']),
    ]);
    const everybody = await api.get('/v1/inspect/ping?timeout=10');
    expect(everybody.body.workers).to.deep.equal({ free: 'pong', frozen: 'pong' });

    frozen.child.kill('SIGSTOP');
    defer(() => frozen.child.kill('SIGCONT'));
    const { body } = await api.get('/v1/inspect/ping?timeout=0.5');
    expect(body).to.deep.include({ workers: { free: 'pong' }, missing: ['frozen'] });
    const told = await api.post('/v1/workers/frozen/ping', { timeout: 0.2 });
    expect(told.status).to.equal(504);
    expect(told.body).to.include({ type: 'urn:kaje:problem:worker_silent' });
    expect(told.body.detail).to.include('"frozen" did not answer within 0.2 s');

    frozen.child.kill('SIGCONT');
    expect((await api.get('/v1/inspect/ping?timeout=10')).body.missing).to.deep.equal([]);
  });
});

describe('the consumers of a worker process', () => {
  it('are added and cancelled while it runs; a cancelled queue stays so after an outage', async () => {
    const api = await startTestApi();
    await runWorkerProcess(api.config, ['--name', 'w']);
    await control(api, 'w', 'add_consumer', { queue: 'late' });
    await eventually(async () => (await queuesOf(api, 'w')).includes('late'));
    await sendTraces(api, 'late', [{ queue: 'late', ms: 700 }]);
    await eventually(async () => (await traces(api, 'late')).length === 1);

    await control(api, 'w', 'cancel_consumer', { queue: 'late' });
    await sendTraces(api, 'after', [{ queue: 'late' }, { queue: 'default' }]);
    await eventually(async () => (await traces(api, 'after')).length === 1);
    // The running task ends; only then the queue is gone.
    expect(await queuesOf(api, 'w')).to.deep.equal(['default', 'late']);
    await eventually(async () => (await queuesOf(api, 'w')).length === 1);
    const { body } = await api.get('/v1/queues/late');
    expect(body).to.include({ waiting: 1, succeeded: 1 });
    expect(body.workers).to.deep.equal([]);

    const redis = testRedis();
    for (const kind of ['normal', 'pubsub']) await redis.call('CLIENT', 'KILL', 'TYPE', kind);
    await eventually(async () => {
      const [id = ''] = await sendTraces(api, 'back', [{ queue: 'default' }]);
      return (await api.get(`/v1/tasks/${id}?wait=1`)).body.state === 'SUCCESS';
    }, 20_000);
    expect(await queuesOf(api, 'w')).to.deep.equal(['default']);
    expect((await api.get('/v1/queues/late')).body).to.include({ waiting: 1 });
    // It also hears again.
    await eventually(async () => (await control(api, 'w', 'ping')) === 'pong');
  });

  it('take and leave slots between two bounds', async () => {
    const api = await startTestApi();
    await runWorkerProcess(api.config, ['--name', 'w', '--autoscale', '8,1']);
    const slots = async () => (await api.get('/v1/workers/w')).body.queues?.[0]?.concurrency;
    // It takes tasks a moment before its first heartbeat.
    expect(await eventually(slots)).to.equal(1);
    await sendTraces(
      api,
      'all',
      Array.from({ length: 8 }, () => ({ ms: 60_000 })),
    );
    await eventually(async () => (await traces(api, 'all')).length === 8);
    expect(await slots()).to.equal(8);
    await control(api, 'w', 'autoscale', { max: 3 });
    await eventually(async () => (await slots()) === 3);
  });
});

describe('a worker process that is told to shut down', () => {
  it('answers, lets what runs end, and exits with 0, however often it is told', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--name', 'w', '--grace', '30']);
    const [id = ''] = await sendTraces(api, 'runs', [{ ms: 1500 }]);
    await eventually(async () => (await traces(api, 'runs')).length === 1);
    expect(await control(api, 'w', 'shutdown')).to.equal('stopping');
    await eventually(() => worker.output().includes('running tasks may end'));
    // It still answers, and a second time is no SIGTERM that would put the task back.
    expect(await control(api, 'w', 'shutdown')).to.equal('stopping');
    const late = await api.post('/v1/workers/w/add_consumer', { queue: 'late' });
    expect(late.body.detail).to.equal('Worker "w" refused: it is stopping');
    const [waiting = ''] = await sendTraces(api, 'late', [{}]);
    expect(await worker.ended).to.equal(0);
    expect((await api.get(`/v1/tasks/${id}`)).body).to.include({ state: 'SUCCESS' });
    expect((await api.get(`/v1/tasks/${waiting}`)).body).to.include({ state: 'PENDING' });
    expect((await api.get('/v1/workers/w')).status).to.equal(404);
  });
});

describe('queues over several worker processes', () => {
  it('are paused for all of them, emptied, and resumed', async () => {
    const api = await startTestApi();
    await Promise.all(['a', 'b'].map((name) => runWorkerProcess(api.config, ['--name', name])));
    const [running = ''] = await sendTraces(api, 'runs', [{ ms: 800 }]);
    await eventually(async () => (await traces(api, 'runs')).length === 1);
    await api.post('/v1/queues/default/pause');
    const purged = await sendTraces(
      api,
      'purged',
      Array.from({ length: 700 }, () => ({})),
    );
    expect((await api.get('/v1/queues/default')).body).to.include({ waiting: 700, paused: true });
    expect((await api.post('/v1/queues/default/purge')).body).to.deep.equal({ purged: 700 });
    const { body } = await api.post('/v1/results', { task_ids: purged.slice(0, 100) });
    expect(new Set(body.results)).to.deep.equal(new Set([null]));
    await sendTraces(
      api,
      'kept',
      Array.from({ length: 20 }, () => ({})),
    );
    expect((await api.get(`/v1/tasks/${running}?wait=10`)).body.state).to.equal('SUCCESS');
    expect(await traces(api, 'kept')).to.deep.equal([]);
    await api.post('/v1/queues/default/resume');
    await eventually(async () => (await traces(api, 'kept')).length === 20, 4000);
    expect(await traces(api, 'purged')).to.deep.equal([]);
  });
});
