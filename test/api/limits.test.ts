import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TestApi } from '../support/api.ts';
import { publish, startTestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

let running = 0;
let most = 0;

/** Counts how many of it run at once. */
async function counted(ms: number, signal?: AbortSignal): Promise<number> {
  most = Math.max(most, ++running);
  await sleep(ms, undefined, signal ? { signal } : {}).finally(() => running--);
  return Date.now();
}

const free = defineTask('free', { run: (_: object, ctx) => counted(50, ctx.signal) });
const rare = defineTask('rare', { rateLimit: '1/h', run: () => counted(1) });
const single = defineTask('single', { maxConcurrency: 1, run: () => counted(50) });
const long = defineTask('long', {
  timeLimit: 60,
  softTimeLimit: 30,
  run: (_: object, ctx) => counted(20_000, ctx.signal),
});
const tasks = [free, rare, single, long];

const put = (api: TestApi, name: string, body: unknown) =>
  api.call(`/v1/registry/${name}/limits`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const send = async (api: TestApi, name: string, count: number): Promise<string[]> => {
  const batch = Array.from({ length: count }, () => ({ name }));
  const { body } = await api.post('/v1/send_tasks', { tasks: batch });
  return body.tasks.map(({ task_id: id }: { task_id: string }) => id);
};
const get = async (api: TestApi, id = '', wait = 10) =>
  (await api.get(`/v1/tasks/${id}?wait=${wait}`)).body;
const spanOf = async (api: TestApi, ids: readonly string[]) => {
  const ends: number[] = [];
  for (const id of ids) ends.push((await get(api, id)).result);
  return Math.max(...ends) - Math.min(...ends);
};

beforeEach(() => {
  running = 0;
  most = 0;
});

describe('PUT /v1/registry/{name}/limits', () => {
  it('merges what it is told, gives back what is null, and answers what is set', async () => {
    const { api } = await startApiAlone(tasks);
    const told: readonly [body: object, set: object][] = [
      [{}, {}],
      [{ rate_limit: '10/s' }, { rate_limit: '10/s' }],
      [{ max_concurrency: 2 }, { rate_limit: '10/s', max_concurrency: 2 }],
      [
        { time_limit: 1.5, rate_limit: null },
        { max_concurrency: 2, time_limit: 1.5 },
      ],
      [{ soft_time_limit: null }, { max_concurrency: 2, time_limit: 1.5 }],
      [
        { max_concurrency: 0, time_limit: 0, rate_limit: '0' },
        { max_concurrency: 0, time_limit: 0, rate_limit: '0' },
      ],
      [{ max_concurrency: null, time_limit: null, rate_limit: null }, {}],
    ];
    for (const [body, set] of told) {
      const answer = await put(api, 'free', body);
      expect([answer.status, answer.body]).to.deep.equal([200, set]);
    }
    // Those of other tasks are theirs.
    expect((await put(api, 'free', { time_limit: 1 })).body).to.deep.equal({ time_limit: 1 });
    expect((await put(api, 'rare', {})).body).to.deep.equal({});
  });

  it('loses nothing when several say something at once', async () => {
    const test = await startTestBroker();
    await publish(test, tasks);
    const { broker } = await startTestBroker(test.config);
    const parts = [
      { rate_limit: '5/s' },
      { max_concurrency: 3 },
      { time_limit: 9 },
      { soft_time_limit: 8 },
    ];
    await Promise.all(
      parts.map((part, i) => (i % 2 ? broker : test.broker).setLimits('free', part)),
    );
    expect(await broker.setLimits('free', {})).to.deep.equal(Object.assign({}, ...parts));
  });

  it('knows no task that no worker has published', async () => {
    const { api } = await startApiAlone(tasks);
    const { status, body } = await put(api, 'fre', { time_limit: 1 });
    expect([status, body.type]).to.deep.equal([404, 'urn:kaje:problem:not_found']);
    expect(body.detail).to.contain('"fre"');
  });

  const wrong: readonly [body: unknown, path: string, says: string][] = [
    [{ rate_limit: 'ten' }, '/rate_limit', 'expected a rate such as 10/s, 100/m or 1000/h'],
    [{ rate_limit: '0/s' }, '/rate_limit', 'got "0/s"'],
    [{ rate_limit: '-1/s' }, '/rate_limit', 'got "-1/s"'],
    [{ rate_limit: '10/d' }, '/rate_limit', 'got "10/d"'],
    [{ rate_limit: '' }, '/rate_limit', 'got ""'],
    [{ rate_limit: 10 }, '/rate_limit', 'expected string'],
    [{ max_concurrency: -1 }, '/max_concurrency', '>= 0'],
    [{ max_concurrency: 1.5 }, '/max_concurrency', 'integer'],
    [{ time_limit: -1 }, '/time_limit', '>= 0'],
    [{ time_limit: '1' }, '/time_limit', 'expected number'],
    [{ timelimit: 1 }, '/timelimit', 'did you mean "time_limit"?'],
    [{ time_limit: 1, soft_time_limit: 1 }, '/soft_time_limit', 'below the hard one'],
    [{ time_limit: 5 }, '/time_limit', 'got 30 s and 5 s'],
    [{ soft_time_limit: 60 }, '/soft_time_limit', 'got 60 s and 60 s'],
    [[], '', 'expected object'],
  ];
  for (const [body, path, says] of wrong) {
    it(`refuses ${JSON.stringify(body)} and changes nothing`, async () => {
      const { api } = await startApiAlone(tasks);
      const answer = await put(api, 'long', body);
      expect([answer.status, answer.body.errors[0].path]).to.deep.equal([422, path]);
      expect(answer.body.errors[0].message).to.contain(says);
      expect((await put(api, 'long', {})).body).to.deep.equal({});
    });
  }

  it('refuses what is no JSON', async () => {
    const { api } = await startApiAlone(tasks);
    expect((await put(api, 'free', '{')).status).to.equal(400);
    const plain = { method: 'PUT', body: '{}', headers: { 'content-type': 'text/plain' } };
    expect((await api.call('/v1/registry/free/limits', plain)).status).to.equal(415);
  });
});

describe('limits that are changed at run time', () => {
  it('slow down a task that had none, and let it go when they are given back', async () => {
    const api = await startApiAndWorker(tasks);
    await put(api, 'free', { rate_limit: '10/s' });
    const slow = await spanOf(api, await send(api, 'free', 11));
    expect(slow).to.be.within(900, 4000);
    await put(api, 'free', { rate_limit: null });
    expect(await spanOf(api, await send(api, 'free', 15))).to.be.below(slow);
  });

  it('let go at once those that wait for a turn that was far away', async () => {
    const api = await startApiAndWorker(tasks);
    const ids = await send(api, 'rare', 20);
    await eventually(async () => (await api.get('/v1/queues/default')).body.delayed === 19);
    await put(api, 'rare', { rate_limit: '0' });
    for (const id of ids) expect(await get(api, id)).to.include({ state: 'SUCCESS' });
    await put(api, 'rare', { rate_limit: null });
    await send(api, 'rare', 2);
    await eventually(async () => (await api.get('/v1/queues/default')).body.delayed === 2);
  });

  it('let more run at once, and fewer again', async () => {
    const api = await startApiAndWorker(tasks, { concurrency: 8 });
    const ids = await send(api, 'single', 12);
    await eventually(() => running === 1);
    await put(api, 'single', { max_concurrency: 4 });
    await eventually(() => most === 4);
    for (const id of ids) await get(api, id);
    expect(most).to.equal(4);
    await put(api, 'single', { max_concurrency: 2 });
    most = 0;
    for (const id of await send(api, 'single', 8)) await get(api, id);
    expect(most).to.equal(2);
    await put(api, 'single', { max_concurrency: 0 });
    for (const id of await send(api, 'single', 16)) await get(api, id);
    expect(most).to.be.above(4);
  });

  it('end runs in time, below what the call says', async () => {
    const api = await startApiAndWorker(tasks);
    await put(api, 'long', { time_limit: 0.3, soft_time_limit: 0 });
    const [id] = await send(api, 'long', 1);
    expect((await get(api, id)).error).to.include({ type: 'TimeLimitExceeded' });
    await put(api, 'long', { time_limit: null, soft_time_limit: 0.2 });
    const [soft] = await send(api, 'long', 1);
    expect((await get(api, soft)).error).to.include({ type: 'SoftTimeLimitExceeded' });
    const call = { name: 'long', soft_time_limit: 0.1, time_limit: 10 };
    const own = await api.post('/v1/send_task?wait=10', call);
    expect(own.body.error.message).to.contain('0.1 s');
  });

  it('hold for workers that start later', async () => {
    const { api } = await startApiAlone(tasks, { concurrency: 8 });
    await put(api, 'free', { max_concurrency: 1 });
    const ids = await send(api, 'free', 4);
    await startTestWorker(api.config, tasks);
    for (const id of ids) await get(api, id);
    expect(most).to.equal(1);
  });
});
