/** What SIGTERM does to a worker: running tasks end within the grace, the rest goes back. */
import { expect } from 'chai';
import { startTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
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
