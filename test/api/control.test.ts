import { expect } from 'chai';
import { add, hold } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

/** An API and the name of its one worker. */
async function startBoth(): Promise<{ api: TestApi; worker: string }> {
  const api = await startApiAndWorker([add, hold], {}, [{ name: 'default' }, { name: 'mail' }]);
  const worker: string = await eventually(
    async () => (await api.get('/v1/workers')).body.workers[0]?.id,
  );
  return { api, worker };
}

const pathOf = (worker: string, command: string) =>
  `/v1/workers/${encodeURIComponent(worker)}/${command}`;

describe('POST /v1/workers/{worker_id}/{command}', () => {
  it('answers what the worker says, with a body or without one', async () => {
    const { api, worker } = await startBoth();
    const pong = { worker, answer: 'pong' };
    const bare = await api.call(pathOf(worker, 'ping'), { method: 'POST' });
    expect([bare.status, bare.body]).to.deep.equal([200, pong]);
    const withBody = await api.post(pathOf(worker, 'ping'), { timeout: 5 });
    expect([withBody.status, withBody.body]).to.deep.equal([200, pong]);
    const { body } = await api.post(pathOf(worker, 'add_consumer'), { queue: 'late' });
    const names = body.answer.queues.map(({ name }: { name: string }) => name);
    expect(names).to.deep.equal(['default', 'mail', 'late']);
    expect((await api.get('/v1/queues/late')).body).to.include({ name: 'late' });
  });

  it('answers 404 for a command or a worker that is not there, with the nearest one', async () => {
    const { api, worker } = await startBoth();
    const wrong = await api.post(pathOf(worker, 'shutdwon'), {});
    expect(wrong.status).to.equal(404);
    expect(wrong.body).to.include({ type: 'urn:kaje:problem:not_found' });
    expect(wrong.body.detail).to.equal('No control command "shutdwon" - did you mean "shutdown"?');
    for (const name of [`${worker}x`, '__proto__', 'a/b', '*']) {
      expect((await api.post(pathOf(name, 'ping'), {})).status, name).to.equal(404);
    }
    // What only asks is no control command, and the other way round.
    expect((await api.post(pathOf(worker, 'active'), {})).status).to.equal(404);
    expect((await api.get('/v1/inspect/shutdown')).status).to.equal(404);
  });

  const misuses: readonly [command: string, body: object, path: string][] = [
    ['pool_grow', { n: 0 }, '/n'],
    ['pool_grow', { n: 1.5 }, '/n'],
    ['pool_grow', { m: 1 }, '/m'],
    ['pool_grow', { concurrency: 3 }, '/concurrency'],
    ['ping', { n: 1 }, '/n'],
    ['ping', { timeout: 31 }, '/timeout'],
    ['ping', { timeout: 0 }, '/timeout'],
    ['add_consumer', {}, '/queue'],
    ['add_consumer', { queue: 'two words' }, '/queue'],
    ['cancel_consumer', {}, '/queue'],
    ['autoscale', { min: 1 }, '/max'],
    ['autoscale', { min: 5, max: 2 }, '/min'],
    ['autoscale', { min: 0, max: 2 }, '/min'],
  ];
  it('answers 422 for wrong arguments, and names the field', async () => {
    const { api, worker } = await startBoth();
    for (const [command, body, path] of misuses) {
      const answer = await api.post(pathOf(worker, command), body);
      const title = `${command} ${JSON.stringify(body)}`;
      expect(answer.status, title).to.equal(422);
      expect(answer.body.errors[0].path, title).to.equal(path);
    }
  });

  it('answers 409 when the worker refuses, with its reason', async () => {
    const { api, worker } = await startBoth();
    const cancel = { queue: 'defaul' };
    const { status, body } = await api.post(pathOf(worker, 'cancel_consumer'), cancel);
    expect(status).to.equal(409);
    expect(body).to.include({ type: 'urn:kaje:problem:command_refused' });
    expect(body.detail).to.match(/refused: it does not consume "defaul" - did you mean "default"/);
    await api.post(pathOf(worker, 'autoscale'), { max: 5, queue: 'mail' });
    expect((await api.post(pathOf(worker, 'pool_grow'), { queue: 'mail' })).status).to.equal(409);
    expect((await api.post(pathOf(worker, 'pool_grow'), {})).status).to.equal(409);
    const other = await api.post(pathOf(worker, 'pool_grow'), { queue: 'default', n: 2 });
    expect(other.body.answer.queues).to.deep.equal([
      { name: 'default', concurrency: 22, autoscale: null },
      { name: 'mail', concurrency: 5, autoscale: { min: 1, max: 5 } },
    ]);
    expect((await api.post(pathOf(worker, 'autoscale'), { max: 0 })).status).to.equal(200);
    expect((await api.post(pathOf(worker, 'pool_shrink'), { n: 99 })).body.answer.queues).to.eql([
      { name: 'default', concurrency: 1, autoscale: null },
      { name: 'mail', concurrency: 1, autoscale: null },
    ]);
  });
});

describe('GET /v1/inspect/{command}', () => {
  it('answers for all workers, or for those that are named', async () => {
    const { api, worker } = await startBoth();
    const all = await api.get('/v1/inspect/ping?timeout=10');
    const answer = { command: 'ping', workers: { [worker]: 'pong' }, missing: [] };
    expect([all.status, all.body]).to.deep.equal([200, answer]);
    const one = await api.get(`/v1/inspect/ping?worker=${encodeURIComponent(worker)},`);
    expect(one.body).to.deep.equal(answer);
  });

  it('is empty where no worker is alive', async () => {
    const { api } = await startApiAlone([add]);
    const { status, body } = await api.get('/v1/inspect/stats');
    expect([status, body]).to.deep.equal([200, { command: 'stats', workers: {}, missing: [] }]);
  });

  it('answers 404 and 422 as its contract says', async () => {
    const { api } = await startBoth();
    const wrong = await api.get('/v1/inspect/stat');
    expect(wrong.status).to.equal(404);
    expect(wrong.body.detail).to.include('did you mean "stats"?');
    expect((await api.get('/v1/inspect/x')).body.detail).to.include('there are: active, reserved');
    expect((await api.get('/v1/inspect/ping?worker=ghost')).status).to.equal(404);
    for (const timeout of ['soon', '0', '-1', '31', '', '1&timeout=2']) {
      const { status, body } = await api.get(`/v1/inspect/ping?timeout=${timeout}`);
      expect(status, timeout).to.equal(422);
      expect(body.errors[0].path).to.equal('/timeout');
    }
  });
});

describe('POST /v1/queues/{queue}/pause, resume and purge', () => {
  it('answer with the queue, and with how many were removed', async () => {
    const { api } = await startApiAlone([add]);
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: 'a' });
    const paused = await api.post('/v1/queues/default/pause');
    expect(paused.status).to.equal(200);
    expect(paused.body).to.include({ name: 'default', paused: true, waiting: 1 });
    const resumed = await api.call('/v1/queues/default/resume', { method: 'POST' });
    expect([resumed.status, resumed.body.paused]).to.deep.equal([200, false]);
    const waiting = api.get('/v1/tasks/a?wait=30');
    await eventually(async () => (await api.get('/v1/tasks/a')).status === 200);
    const purged = await api.post('/v1/queues/default/purge');
    expect([purged.status, purged.body]).to.deep.equal([200, { purged: 1 }]);
    expect((await waiting).status).to.equal(404);
    expect((await api.get('/v1/tasks/a')).status).to.equal(404);
  });

  it('answer 404 for a queue that never was', async () => {
    const { api } = await startApiAlone([add]);
    await api.post('/v1/send_task', { name: 'add', args: [1, 2] });
    for (const verb of ['pause', 'resume', 'purge']) {
      const { status, body } = await api.post(`/v1/queues/defalt/${verb}`);
      expect(status, verb).to.equal(404);
      expect(body.detail).to.equal('No queue "defalt" - did you mean "default"?');
    }
    expect((await api.get('/v1/queues')).body.queues).to.have.length(1);
  });
});
