import { expect } from 'chai';
import { SCHEMAS } from '../../shared/schemas.ts';
import { add, boom, echo, filed, hold, report, stubborn } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { openRaw } from '../support/raw.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

const FIELDS = [...SCHEMAS.AsyncResult.required];
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Sends a task and resolves with its id. */
async function sendTo(api: TestApi, task: object): Promise<string> {
  const { body } = await api.post('/v1/send_task', task);
  return body.task_id;
}

describe('GET /v1/tasks/{task_id}', () => {
  it('shows a success with every field of AsyncResult and no other', async () => {
    const api = await startApiAndWorker([add]);
    const id = await sendTo(api, { name: 'add', args: [1], kwargs: { b: 2 }, tags: ['t'] });
    const { status, headers, body } = await api.get(`/v1/tasks/${id}?wait=10`);
    expect(status).to.equal(200);
    expect(headers.get('content-type')).to.match(/^application\/json/);
    expect(body).to.have.all.keys(FIELDS);
    expect(body).to.deep.include({
      ...{ task_id: id, name: 'add', state: 'SUCCESS', ready: true, successful: true },
      ...{ failed: false, result: 3, error: null, progress: null, args: [1], kwargs: { b: 2 } },
      ...{ queue: 'default', priority: 5, retries: 0, max_retries: 0, eta: null, expires: null },
      ...{ parent_id: null, root_id: id, group_id: null, children: [], headers: {}, tags: ['t'] },
    });
    for (const time of [body.sent_at, body.started_at, body.date_done]) expect(time).to.match(ISO);
    expect(body.worker).to.be.a('string').and.not.equal('');
    const took = (Date.parse(body.date_done) - Date.parse(body.started_at)) / 1000;
    expect(body.runtime).to.equal(took);
  });

  it('shows a failure as data: 200, with type, message and traceback', async () => {
    const api = await startApiAndWorker([boom]);
    const id = await sendTo(api, { name: 'boom' });
    const { status, body } = await api.get(`/v1/tasks/${id}?wait=10`);
    expect(status).to.equal(200);
    expect(body).to.have.all.keys(FIELDS);
    expect(body).to.include({ state: 'FAILURE', ready: true, successful: false, failed: true });
    expect(body.error).to.have.all.keys('type', 'message', 'traceback');
    expect(body.error).to.include({ type: 'RangeError', message: 'too far' });
    expect(body.error.traceback).to.match(/^RangeError: too far\n {4}at /);
  });

  it('shows a task between its attempts as RETRY, with the last error and when it goes on', async () => {
    const api = await startApiAndWorker([stubborn]);
    const id = await sendTo(api, { name: 'stubborn' });
    const { body } = await eventually(async () => {
      const read = await api.get(`/v1/tasks/${id}`);
      return read.body.state === 'RETRY' && read;
    });
    expect(body).to.have.all.keys(FIELDS);
    expect(body).to.include({ ready: false, failed: false, retries: 1, max_retries: 5 });
    expect(body.error).to.include({ type: 'RangeError', message: 'not yet' });
    const inS = (Date.parse(body.eta) - Date.now()) / 1000;
    expect(inS).to.be.within(3500, 3700);
    expect(body).to.include({ worker: null, date_done: null, runtime: null });
  });

  it('shows a running task with its worker, and what it reports', async () => {
    const api = await startApiAndWorker([report]);
    const id = await sendTo(api, { name: 'report', args: [20] });
    const { body } = await eventually(async () => {
      const read = await api.get(`/v1/tasks/${id}`);
      return read.body.state === 'PROGRESS' && read;
    });
    expect(body).to.have.all.keys(FIELDS);
    expect(body.progress.done).to.be.a('number');
    expect(body).to.include({ ready: false, result: null, error: null, date_done: null });
    expect(body.started_at).to.match(ISO);
    expect(body.worker).to.be.a('string');
  });

  it('keeps the state but not the value where the result is ignored', async () => {
    const api = await startApiAndWorker([filed], {}, [{ name: 'files' }]);
    const id = await sendTo(api, { name: 'filed' });
    const { body } = await api.get(`/v1/tasks/${id}?wait=10`);
    expect(body).to.include({ state: 'SUCCESS', successful: true, result: null, queue: 'files' });
  });

  it('answers 404 once the result has expired', async () => {
    const api = await startApiAndWorker([add]);
    const id = await sendTo(api, { name: 'add', args: [1, 2], result_expires: 0.3 });
    expect((await api.get(`/v1/tasks/${id}?wait=10`)).status).to.equal(200);
    await eventually(async () => (await api.get(`/v1/tasks/${id}`)).status === 404);
  });

  it('answers an unknown id with 404 as a problem, at once also when asked to wait', async () => {
    const { api } = await startApiAlone([]);
    const startedAt = performance.now();
    const { status, body } = await api.get('/v1/tasks/nobody?wait=30');
    expect(performance.now() - startedAt).to.be.below(5000);
    expect(status).to.equal(404);
    expect(body).to.have.all.keys('type', 'title', 'status', 'detail', 'instance');
    expect(body).to.include({ type: 'urn:kaje:problem:task_not_found', status: 404 });
    expect(body.instance).to.equal('/v1/tasks/nobody');
  });

  it('refuses a wait that is none', async () => {
    const { api } = await startApiAlone([]);
    expect((await api.get('/v1/tasks/x?wait=soon')).status).to.equal(422);
  });
});

describe('an ETag', () => {
  it('is answered with 304 and no body until the task changes', async () => {
    const { api } = await startApiAlone([echo]);
    const id = await sendTo(api, { name: 'echo' });
    const path = `/v1/tasks/${id}`;
    const first = await api.get(path);
    const tag = first.headers.get('etag') ?? '';
    expect(tag).to.match(/^(W\/)?"[^"]+"$/);
    const second = await api.get(path, { 'if-none-match': tag });
    expect(second.status).to.equal(304);
    expect(second.text).to.equal('');
    expect(second.headers.get('etag')).to.equal(tag);
    for (const match of [`"x", ${tag}`, '*']) {
      expect((await api.get(path, { 'if-none-match': match })).status).to.equal(304);
    }
    expect((await api.get(path, { 'if-none-match': '"x"' })).status).to.equal(200);
  });

  it('changes with the task', async () => {
    const api = await startApiAndWorker([add]);
    const { body, headers } = await api.post('/v1/send_task', {
      name: 'add',
      args: [1, 2],
      countdown: 0.3,
    });
    const path = `/v1/${headers.get('location')}`;
    const pending = await api.get(path);
    const done = await api.get(`${path}?wait=10`, {
      'if-none-match': pending.headers.get('etag') ?? '',
    });
    expect(done.status).to.equal(200);
    expect(done.body).to.include({ task_id: body.task_id, state: 'SUCCESS' });
  });
});

describe('an odd id in the path', () => {
  let api: TestApi;

  beforeEach(async () => {
    ({ api } = await startApiAlone([echo]));
    // Makes the keys of the queue, of which some have the form of a task's key.
    await api.post('/v1/send_tasks', {
      tasks: [{ name: 'echo' }, { name: 'echo', countdown: 60 }],
    });
  });

  for (const [title, id] of [
    ['an encoded slash', 'a%2Fb'],
    ['encoded dots', '..%2F..%2Fetc'],
    ['unicode', encodeURIComponent('τάσκ☃')],
    ['a zero byte', '%00'],
    ['broken percent signs', '%E0%A4%A'],
    ['blanks', '%20'],
    ['a glob', '*'],
    ['a colon', 'default:wait'],
    ['__proto__', '__proto__'],
    ['8,000 letters', 'x'.repeat(8000)],
    ...['wait', 'meta', 'id', 'events', 'delayed', 'marker'].map((key) => [`the key ${key}`, key]),
  ] as const) {
    it(`is unknown: ${title}`, async () => {
      const { status, body } = await api.get(`/v1/tasks/${id}`);
      expect(status).to.equal(404);
      expect(body.status).to.equal(404);
      expect((await api.get(`/v1/tasks/${id}/events`)).status).to.equal(404);
      expect((await api.post(`/v1/tasks/${id}/retry`)).status).to.equal(404);
      expect((await api.delete(`/v1/tasks/${id}`)).status).to.equal(404);
    });
  }

  it('does not spoil the others of a request for many', async () => {
    const id = await sendTo(api, { name: 'echo' });
    const { body } = await api.post('/v1/results', {
      task_ids: ['wait', id, 'a:lock', '', '\ud800'],
    });
    const names = body.results.map((each: { name: string } | null) => each?.name);
    expect(names).to.deep.equal([undefined, 'echo', undefined, undefined, undefined]);
  });
});

it('a client that leaves during a wait leaves nothing behind', async () => {
  const { log, lines } = collectLog();
  const { api } = await startApiAlone([echo], {}, { log });
  const id = await sendTo(api, { name: 'echo' });
  const { socket } = await openRaw(
    api.url,
    `GET /v1/tasks/${id}?wait=60 HTTP/1.1\r\nhost: x\r\n\r\n`,
  );
  await eventually(() => socket.bytesWritten > 0);
  socket.destroy();
  const line = await eventually(() => lines.find(({ path }) => path === `/v1/tasks/${id}`));
  expect(line.ms).to.be.below(10_000);
});

it('a task that runs is waited for until its end, also by many and by a short wait', async () => {
  const api = await startApiAndWorker([hold]);
  const id = await sendTo(api, { name: 'hold', kwargs: { ms: 700 } });
  const short = await api.get(`/v1/tasks/${id}?wait=0.2`);
  expect(short.status).to.equal(200);
  expect(short.body.ready).to.equal(false);
  const reads = Array.from({ length: 5 }, () => api.get(`/v1/tasks/${id}`, { prefer: 'wait=30' }));
  for (const { body, headers } of await Promise.all(reads)) {
    expect(body.result).to.equal('held');
    expect(headers.get('preference-applied')).to.equal('wait=30');
  }
});
