import { expect } from 'chai';
import { SCHEMAS } from '../../shared/schemas.ts';
import { VERSION } from '../../shared/version.ts';
import { add, boom, echo, filed, hold } from '../fixtures/quick.ts';
import { startTestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

const QUEUES = [{ name: 'default' }, { name: 'files' }];
const startBoth = () => startApiAndWorker([add, boom, filed, hold], {}, QUEUES);

/** An unknown name is 404 as a problem, whatever it is made of. */
async function expectUnknown(get: Awaited<ReturnType<typeof startTestApi>>['get'], path: string) {
  for (const name of ['nobody', 'a%2Fb', '%E2%98%83', '__proto__', 'constructor', '%00']) {
    const { status, body } = await get(path + name);
    expect(status, name).to.equal(404);
    expect(body).to.include({ type: 'urn:kaje:problem:not_found', status: 404 });
    expect(body).to.have.all.keys('type', 'title', 'status', 'detail', 'instance');
  }
}

describe('GET /v1/registry', () => {
  it('lists the tasks by name, with schema, options and the workers alive', async () => {
    const api = await startBoth();
    const { workers } = (await api.get('/v1/workers')).body;
    const { status, body } = await api.get('/v1/registry');
    expect(status).to.equal(200);
    const names = body.tasks.map((each: { name: string }) => each.name);
    expect(names).to.deep.equal(['add', 'boom', 'filed', 'hold']);
    const [first] = body.tasks;
    expect(first).to.have.all.keys([...SCHEMAS.TaskSpec.required]);
    expect(first).to.deep.include({ description: 'Adds two numbers', validates: true });
    expect(first.input.properties).to.have.keys('a', 'b');
    expect(first.workers).to.deep.equal([workers[0].id]);
  });

  it('shows one task by its name', async () => {
    const api = await startBoth();
    const { status, body } = await api.get('/v1/registry/filed');
    expect(status).to.equal(200);
    expect(body).to.deep.include({ name: 'filed', description: null, input: null });
    expect(body.options).to.have.all.keys([...SCHEMAS.TaskSpec.properties.options.required]);
    const options = { queue: 'files', max_retries: 2, result_expires: 120, ignore_result: true };
    expect(body.options).to.include(options);
    await expectUnknown(api.get, '/v1/registry/');
  });

  it('keeps tasks that no worker alive serves', async () => {
    const { api } = await startApiAlone([echo]);
    expect((await api.get('/v1/registry/echo')).body.workers).to.deep.equal([]);
  });

  it('is empty where no worker ever was', async () => {
    const api = await startTestApi();
    expect((await api.get('/v1/registry')).body).to.deep.equal({ tasks: [] });
    expect((await api.get('/v1/queues')).body).to.deep.equal({ queues: [] });
    expect((await api.get('/v1/workers')).body).to.deep.equal({ workers: [] });
  });
});

describe('GET /v1/queues', () => {
  it('counts what each queue holds', async () => {
    const api = await startBoth();
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2] });
    await api.post('/v1/send_task?wait=10', { name: 'boom' });
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], countdown: 60 });
    await api.post('/v1/send_task', { name: 'hold' });
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], queue: 'nobody-s' });
    const { workers } = (await api.get('/v1/workers')).body;
    const held = { name: 'default', waiting: 0, delayed: 1, active: 1, succeeded: 1, failed: 1 };
    await eventually(async () => {
      const { body } = await api.get('/v1/queues/default');
      expect(body).to.deep.equal({ ...held, paused: false, workers: [workers[0].id] });
      return true;
    });
    const { body } = await api.get('/v1/queues');
    const names = body.queues.map((each: { name: string }) => each.name);
    expect(names).to.deep.equal(['default', 'files', 'nobody-s']);
    expect(body.queues[0]).to.have.all.keys([...SCHEMAS.Queue.required]);
    expect(body.queues[2]).to.deep.include({ waiting: 1, workers: [] });
  });

  it('answers 404 for a queue that never was', async () => {
    const api = await startBoth();
    await expectUnknown(api.get, '/v1/queues/');
  });
});

describe('GET /v1/workers', () => {
  it('lists the workers alive, each with every field', async () => {
    const api = await startBoth();
    const { status, body } = await api.get('/v1/workers');
    expect(status).to.equal(200);
    expect(body.workers).to.have.length(1);
    const [worker] = body.workers;
    expect(worker).to.have.all.keys([...SCHEMAS.Worker.required]);
    expect(worker).to.include({ pid: process.pid, version: VERSION, stopping: false });
    expect(worker.tasks).to.have.members(['add', 'boom', 'filed', 'hold']);
    const queues = worker.queues.map((each: { name: string }) => each.name);
    expect(queues).to.have.members(['default', 'files']);
    const one = await api.get(`/v1/workers/${encodeURIComponent(worker.id)}`);
    expect(one.status).to.equal(200);
    expect(one.body).to.include({ id: worker.id, started_at: worker.started_at });
    await expectUnknown(api.get, '/v1/workers/');
  });
});

describe('GET /health', () => {
  it('is live and ready where Redis takes writes', async () => {
    const api = await startTestApi();
    const live = await api.get('/health/live');
    expect(live.status).to.equal(200);
    expect(live.body).to.deep.equal({ status: 'live', version: VERSION });
    const ready = await api.get('/health/ready');
    expect(ready.status).to.equal(200);
    const { clock_ahead_ms: ahead, ...more } = ready.body;
    expect(ahead).to.be.a('number');
    expect(more).to.deep.equal({ status: 'ready', version: VERSION });
  });
});
