import { expect } from 'chai';
import { SCHEMAS } from '../../shared/schemas.ts';
import { add, boom, echo, filed, hold } from '../fixtures/quick.ts';
import { startApiAlone, startApiAndWorker, storedIn } from '../support/stack.ts';

const UUID7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const startAlone = () => startApiAlone([add, echo, filed]);
const startBoth = () => startApiAndWorker([add, boom, echo, hold]);

describe('POST /v1/send_task', () => {
  it('answers 202 with the pending AsyncResult, where to find it and when to look', async () => {
    const { api } = await startAlone();
    const { status, headers, body } = await api.post('/v1/send_task', {
      name: 'add',
      args: [2, 3],
    });
    expect(status).to.equal(202);
    expect(headers.get('location')).to.equal(`tasks/${body.task_id}`);
    expect(headers.get('retry-after')).to.equal('1');
    expect(headers.get('idempotent-replayed')).to.equal(null);
    expect(headers.get('preference-applied')).to.equal(null);
    expect(body).to.have.all.keys([...SCHEMAS.AsyncResult.required]);
    expect(body.task_id).to.match(UUID7);
    expect(Math.abs(Date.parse(body.sent_at) - Date.now())).to.be.below(5000);
    expect(body).to.deep.include({
      ...{ name: 'add', state: 'PENDING', ready: false, successful: false, failed: false },
      ...{ result: null, error: null, progress: null, args: [2, 3], kwargs: {} },
      ...{ queue: 'default', priority: 5, retries: 0, max_retries: 0, worker: null },
      ...{ eta: null, expires: null, started_at: null, date_done: null, runtime: null },
      ...{ parent_id: null, root_id: body.task_id, group_id: null, children: [] },
      ...{ headers: {}, tags: [] },
    });
  });

  it('answers what a look at the Location shows then', async () => {
    const { api } = await startAlone();
    const task = { name: 'echo', args: [1], kwargs: { a: 1 }, headers: { h: [1] }, tags: ['x'] };
    const sent = await api.post('/v1/send_task', { ...task, max_retries: 4 });
    const read = await api.get(`/v1/${sent.headers.get('location')}`);
    expect(read.body).to.deep.equal(sent.body);
    expect(read.body).to.deep.include({ ...task, max_retries: 4 });
  });

  it("takes the task's options where the request names none, and the request's over them", async () => {
    const { api } = await startAlone();
    const plain = await api.post('/v1/send_task', { name: 'filed' });
    expect(plain.body).to.include({ queue: 'files', max_retries: 2 });
    const own = await api.post('/v1/send_task', { name: 'filed', queue: 'own', max_retries: 0 });
    expect(own.body).to.include({ queue: 'own', max_retries: 0 });
    const [read] = (await api.post('/v1/results', { task_ids: [own.body.task_id] })).body.results;
    expect(read).to.deep.equal(own.body);
  });

  it('makes the eta of a countdown, and keeps the task until then', async () => {
    const { api } = await startAlone();
    const { body } = await api.post('/v1/send_task', { name: 'echo', countdown: 1.5 });
    expect(Date.parse(body.eta) - Date.parse(body.sent_at)).to.equal(1500);
    const { delayed, waiting } = (await api.get('/v1/queues/default')).body;
    expect([waiting, delayed]).to.deep.equal([0, 1]);
  });

  it('takes an eta in any zone and answers in UTC; one in the past is due now', async () => {
    const { api } = await startAlone();
    const eta = '2031-05-01T12:00:00.250+02:00';
    const later = await api.post('/v1/send_task', { name: 'echo', eta });
    expect(later.body.eta).to.equal('2031-05-01T10:00:00.250Z');
    await api.post('/v1/send_task', { name: 'echo', eta: '2001-01-01T00:00:00Z' });
    expect((await api.get('/v1/queues/default')).body).to.include({ waiting: 1, delayed: 1 });
  });

  for (const task_id of ['a', 'A-Za_z.09', '1.5', '-1x', 'x'.repeat(128), 'constructor']) {
    it(`takes the task_id ${task_id.slice(0, 20)}`, async () => {
      const { api } = await startAlone();
      const sent = await api.post('/v1/send_task', { name: 'echo', task_id });
      expect(sent.status).to.equal(202);
      expect(sent.headers.get('location')).to.equal(`tasks/${task_id}`);
      const read = await api.get(`/v1/tasks/${task_id}`);
      expect(read.body).to.include({ task_id, root_id: task_id, state: 'PENDING' });
    });
  }

  it('brings every JSON value to the task and back as it was', async () => {
    const api = await startBoth();
    // As text: an object literal would set the prototype.
    const kwargs = `{"__proto__":{"admin":true},"constructor":{"prototype":1},"toString":null,
      "snow ☃ \\u0000 \\ud83d\\ude00":"ü\\n","":[],"big":9007199254740991,"tiny":5e-324,
      "huge":1.7976931348623157e308,"minus":-0.5,"nested":[[{"a":[null,true,false,""]}]]}`;
    const text = `{"name":"echo","args":[null,"ä",{"__proto__":1}],"kwargs":${kwargs}}`;
    const { body } = await api.post('/v1/send_task?wait=10', text);
    expect(body.state).to.equal('SUCCESS');
    expect(body.kwargs).to.deep.equal(JSON.parse(kwargs));
    expect(Object.keys(body.kwargs)).to.include('__proto__');
    expect(body.result.args).to.deep.equal(JSON.parse('[null,"ä",{"__proto__":1}]'));
    expect(Object.keys(body.result.input)).to.have.members(Object.keys(JSON.parse(kwargs)));
    expect(body.result.input.big).to.equal(Number.MAX_SAFE_INTEGER);
  });

  it('binds args to the properties of the schema in their order', async () => {
    const api = await startBoth();
    const send = (task: object) => api.post('/v1/send_task?wait=10', { name: 'add', ...task });
    const answers = await Promise.all([
      send({ args: [2, 40] }),
      send({ args: [2], kwargs: { b: 40 } }),
      send({ kwargs: { b: 40, a: 2 } }),
    ]);
    for (const { body } of answers) expect(body).to.include({ state: 'SUCCESS', result: 42 });
  });

  it('stores one task for each of many requests at once', async () => {
    const { api, redis } = await startAlone();
    const send = (_: unknown, n: number) =>
      api.post('/v1/send_task', { name: 'add', args: [n, n] });
    const answers = await Promise.all(Array.from({ length: 100 }, send));
    expect(new Set(answers.map(({ body }) => body.task_id)).size).to.equal(100);
    answers.forEach(({ body }, n) => void expect(body.args).to.deep.equal([n, n]));
    expect(await storedIn(redis, api.config)).to.equal(100);
  });
});

describe('POST /v1/send_task with a wait', () => {
  it('answers 200 with the finished task, by Prefer as by ?wait', async () => {
    const api = await startBoth();
    const task = { name: 'add', args: [1, 2] };
    const preferred = await api.post('/v1/send_task', task, { prefer: 'respond-async, wait=10' });
    expect(preferred.status).to.equal(200);
    expect(preferred.headers.get('preference-applied')).to.equal('wait=10');
    expect(preferred.headers.get('location')).to.equal(`tasks/${preferred.body.task_id}`);
    const asked = await api.post('/v1/send_task?wait=10', task);
    expect(asked.status).to.equal(200);
    for (const { body } of [preferred, asked]) {
      expect(body).to.include({ state: 'SUCCESS', ready: true, result: 3 });
    }
  });

  it('answers 200 for a task that failed: its failure is data', async () => {
    const api = await startBoth();
    const { status, body } = await api.post('/v1/send_task?wait=10', { name: 'boom' });
    expect(status).to.equal(200);
    expect(body).to.include({ state: 'FAILURE', failed: true, successful: false, result: null });
    expect(body.error).to.include({ type: 'RangeError', message: 'too far' });
  });

  it('answers 202 with the state so far when the time is over', async () => {
    const api = await startBoth();
    const { status, headers, body } = await api.post('/v1/send_task?wait=0.3', { name: 'hold' });
    expect(status).to.equal(202);
    expect(headers.get('retry-after')).to.equal('1');
    expect(body).to.include({ state: 'STARTED', ready: false });
  });

  for (const [prefer, applied] of [
    ['wait=600', 'wait=60'],
    ['WAIT = "7"', 'wait=7'],
    ['wait=soon', null],
    ['wait=-1', null],
  ] as const) {
    it(`takes "Prefer: ${prefer}" for ${applied}`, async () => {
      const api = await startBoth();
      const task = { name: 'add', args: [1, 2] };
      const { headers } = await api.post('/v1/send_task', task, { prefer });
      expect(headers.get('preference-applied')).to.equal(applied);
    });
  }

  for (const wait of ['-1', 'abc', '', 'NaN', '1&wait=2']) {
    it(`refuses ?wait=${wait} with 422 and sends nothing`, async () => {
      const { api, redis } = await startAlone();
      const { status, body } = await api.post(`/v1/send_task?wait=${wait}`, { name: 'echo' });
      expect(status).to.equal(422);
      expect(body.errors[0].path).to.equal('/wait');
      expect(await storedIn(redis, api.config)).to.equal(0);
    });
  }
});
