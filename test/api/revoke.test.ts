import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { hold } from '../fixtures/quick.ts';
import { type Answer, startTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { openSse } from '../support/sse.ts';
import { publishTasks, startApiAlone } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

const ran: string[] = [];
const note = defineTask('note', {
  run(_: object, { id }) {
    ran.push(id);
    return 'ran';
  },
});
const tasks = [note, hold];

const send = async (api: TestApi, request: object = {}): Promise<string> =>
  (await api.post('/v1/send_task', { name: 'note', ...request })).body.task_id;
const revoke = (api: TestApi, id: string, body?: object) =>
  api.post(`/v1/tasks/${id}/revoke`, body);
const get = async (api: TestApi, id: string, wait = 0) =>
  (await api.get(`/v1/tasks/${id}?wait=${wait}`)).body;
const problem = ({ status, body }: Answer) => [status, body.type, body.errors?.[0]?.path];

beforeEach(() => {
  ran.length = 0;
});

/** Where a task may wait. */
const PLACES: Readonly<Record<string, object>> = {
  waits: {},
  'is urgent': { priority: 9 },
  'is due later': { countdown: 3600 },
  'has expired': { expires: 0 },
};

for (const [place, request] of Object.entries(PLACES)) {
  describe(`a task that ${place}`, () => {
    it('is REVOKED once, stays so when workers come, and runs when an operator says so', async () => {
      const { api } = await startApiAlone(tasks);
      const id = await send(api, request);
      const answer = await revoke(api, id);
      const hasExpired = place === 'has expired';
      // Nobody had seen that it is over: it ends the same way, for another reason.
      expect([200, 409]).to.include(answer.status);
      const revoked = await get(api, id);
      expect(revoked).to.include({ state: 'REVOKED', ready: true });
      if (!hasExpired) expect(answer.body).to.deep.equal(revoked);
      expect(problem(await revoke(api, id))[0]).to.equal(409);
      await startTestWorker(api.config, tasks);
      await get(api, await send(api), 10);
      expect(await get(api, id)).to.deep.equal(revoked);
      expect(ran).not.to.include(id);
      const retried = await api.post(`/v1/tasks/${id}/retry`);
      expect(retried.status).to.equal(202);
      // Perhaps it runs already.
      expect(retried.body.state).not.to.equal('REVOKED');
      expect(await get(api, id, 10)).to.include({ state: 'SUCCESS', result: 'ran', retries: 0 });
      expect(ran.filter((each) => each === id)).to.have.length(1);
      expect((await revoke(api, id)).status).to.equal(409);
    });

    it('is forgotten by DELETE once it is REVOKED, and never runs', async () => {
      const { api } = await startApiAlone(tasks);
      const id = await send(api, request);
      await revoke(api, id);
      expect((await api.delete(`/v1/tasks/${id}`)).status).to.equal(204);
      expect((await api.get(`/v1/tasks/${id}`)).status).to.equal(404);
      expect((await revoke(api, id)).status).to.equal(404);
      await startTestWorker(api.config, tasks);
      await get(api, await send(api), 10);
      expect(ran).not.to.include(id);
    });
  });
}

it('no record changes any more while workers take revoked tasks out of their queue', async () => {
  const { api } = await startApiAlone(tasks, { concurrency: 3 });
  const ids: string[] = [];
  for (let i = 0; i < 20; i++) {
    const batch = Array.from({ length: 10 }, () => ({ name: 'note', priority: i % 2 ? 5 : 3 }));
    const { body } = await api.post('/v1/send_tasks', { tasks: batch });
    ids.push(...body.tasks.map((task: { task_id: string }) => task.task_id));
  }
  await api.post('/v1/revoke', { task_ids: ids });
  const snapshot = async () => (await api.post('/v1/results', { task_ids: ids })).body.results;
  const first = await snapshot();
  const worker = await startTestWorker(api.config, tasks);
  const counts = async () => (await api.get('/v1/queues/default')).body;
  let looks = 0;
  await eventually(async () => {
    expect(await snapshot()).to.deep.equal(first);
    looks++;
    const { waiting, active } = await counts();
    return waiting + active === 0;
  });
  await worker.stop();
  await startTestWorker(api.config, tasks);
  await get(api, await send(api), 10);
  expect(await snapshot()).to.deep.equal(first);
  expect(looks).to.be.above(0);
  expect(ran).to.have.length(1);
});

describe('who follows a task that is revoked', () => {
  it('is answered at once, also by another API process', async () => {
    const config = testConfig();
    await publishTasks(config, tasks);
    const [one, two] = [await startTestApi(config), await startTestApi(config)] as const;
    for (const request of [{}, { countdown: 3600 }]) {
      const id = await send(one, request);
      const startedAt = performance.now();
      const waiting = [one, two].map((api) => get(api, id, 30));
      await eventually(async () => (await one.get(`/v1/tasks/${id}`)).status === 200);
      await revoke(one, id);
      for (const body of await Promise.all(waiting)) expect(body.state).to.equal('REVOKED');
      expect(performance.now() - startedAt).to.be.below(10_000);
    }
  });

  it('sees REVOKED as the last event of the stream, and no start', async () => {
    const { api } = await startApiAlone(tasks);
    const id = await send(api);
    const url = `${api.url}/v1/tasks/${id}/events`;
    const stream = await openSse(url);
    await eventually(() => stream.events().length === 1);
    await revoke(api, id);
    const events = await stream.ended;
    expect(events.map(({ data }) => data.state)).to.deep.equal(['PENDING', 'REVOKED']);
    await startTestWorker(api.config, tasks);
    await get(api, await send(api), 10);
    // Back again, before and behind the last one.
    const again = await openSse(url, { 'last-event-id': events[0]?.id ?? '' });
    expect((await again.ended).map(({ data }) => data.state)).to.deep.equal(['REVOKED']);
    const over = await fetch(url, { headers: { 'last-event-id': events[1]?.id ?? '' } });
    expect(over.status).to.equal(204);
  });
});

describe('what cannot be revoked', () => {
  it('is unknown or has ended', async () => {
    const { api } = await startApiAlone(tasks);
    const unknown = 'urn:kaje:problem:task_not_found';
    expect(problem(await revoke(api, 'nobody'))).to.deep.equal([404, unknown, undefined]);
    expect((await revoke(api, 'default%3Await')).status).to.equal(404);
    await startTestWorker(api.config, tasks);
    const id = await send(api);
    await get(api, id, 10);
    const answer = await revoke(api, id, { terminate: true });
    expect(problem(answer)).to.deep.equal([409, 'urn:kaje:problem:wrong_state', undefined]);
    expect(answer.body.detail).to.contain('is SUCCESS; this needs a task that has not ended');
  });

  it('is asked for in a way that makes no sense', async () => {
    const { api } = await startApiAlone(tasks);
    const id = await send(api);
    const wrong: readonly [body: unknown, status: number, path?: string][] = [
      [{ terminate: 'yes' }, 422, '/terminate'],
      [{ terminate: null }, 422, '/terminate'],
      [{ terminat: true }, 422, '/terminat'],
      [[], 422, ''],
      ['null', 422, ''],
      ['{', 400],
    ];
    for (const [body, status, path] of wrong) {
      const answer = await api.post(`/v1/tasks/${id}/revoke`, body);
      expect([answer.status, answer.body.errors?.[0]?.path]).to.deep.equal([status, path]);
    }
    const text = await api.post(`/v1/tasks/${id}/revoke`, 'x', { 'content-type': 'text/plain' });
    expect(text.status).to.equal(415);
    expect((await get(api, id)).state).to.equal('PENDING');
    const bare = await api.call(`/v1/tasks/${id}/revoke`, { method: 'POST' });
    expect([bare.status, bare.body.state]).to.deep.equal([200, 'REVOKED']);
  });
});

describe('many at once', () => {
  it('are revoked by ids, a tag or a header, and counted', async () => {
    const { api } = await startApiAlone(tasks);
    const ids = [await send(api), await send(api, { tags: ['nightly'], countdown: 9 })];
    await send(api, { headers: { tenant: { id: 7 } }, queue: 'other', priority: 1 });
    const kept = await send(api, { headers: { tenant: 7 }, tags: ['daily'] });
    const post = async (body: object) => (await api.post('/v1/revoke', body)).body;
    const none = { revoked: 0, running: 0, ready: 0, unknown: 0 };
    expect(await post({ task_ids: [] })).to.deep.equal(none);
    const named = await post({ task_ids: [ids[0], ids[0], 'nobody'] });
    expect(named).to.deep.equal({ ...none, revoked: 1, unknown: 1 });
    expect(await post({ tag: 'nightly' })).to.deep.equal({ ...none, revoked: 1 });
    const header = { name: 'tenant', value: { id: 7 } };
    expect(await post({ header })).to.deep.equal({ ...none, revoked: 1 });
    expect(await post({ task_ids: ids, tag: 'x' })).to.deep.equal({ ...none, ready: 2 });
    expect((await get(api, kept)).state).to.equal('PENDING');
  });

  const wrong: readonly [why: string, body: unknown, path: string, says: string][] = [
    ['nothing is said', {}, '', 'which tasks are meant'],
    ['only how is said', { terminate: true }, '', 'which tasks are meant'],
    ['an id is none', { task_ids: ['a', 1] }, '/task_ids/1', 'expected string'],
    ['there are too many', { task_ids: Array(10_001).fill('a') }, '/task_ids', '10000'],
    ['the tag is none', { tag: ['a'] }, '/tag', 'expected string'],
    ['the header has no value', { header: { name: 'a' } }, '/header/value', 'required'],
    ['the header has no name', { header: { value: 1 } }, '/header/name', 'required'],
    ['the header has more', { header: { name: 'a', value: 1, x: 1 } }, '/header/x', 'unknown'],
    ['the body is a list', ['a'], '', 'expected object'],
    ['a field is misspelt', { tags: 'a' }, '/tags', 'did you mean "tag"?'],
  ];
  for (const [why, body, path, says] of wrong) {
    it(`are refused when ${why}`, async () => {
      const { api } = await startApiAlone(tasks);
      const { status, body: answer } = await api.post('/v1/revoke', body);
      expect(status).to.equal(422);
      expect(answer.errors[0].path).to.equal(path);
      expect(answer.errors[0].message).to.contain(says);
    });
  }
});
