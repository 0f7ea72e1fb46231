import { expect } from 'chai';
import { z } from 'zod';
import { defineTask } from '../../shared/task.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { publishTasks, startApiAlone, startApiAndWorker } from '../support/stack.ts';

/** Ends of the runs that wait for one. */
const open: (() => void)[] = [];
const hold = () => new Promise<void>((resolve) => void open.push(resolve));

const report = defineTask('report', {
  input: z.object({ month: z.string(), copies: z.number().default(1) }),
  unique: { key: ['month'] },
  run: async ({ month }) => {
    await hold();
    return month;
  },
});
const parent = defineTask('parent', {
  run: (_: object, ctx) => ctx.send('report', { month: 'may' }),
});
const tasks = [report, parent];

const send = (api: TestApi, request: object = {}, query = '') =>
  api.post(`/v1/send_task${query}`, { name: 'report', kwargs: { month: 'may' }, ...request });
const endAll = () => {
  for (const end of open.splice(0)) end();
};

beforeEach(() => {
  open.length = 0;
});

describe('a unique task that is sent again', () => {
  it('is answered by the first one, with 202 and Idempotent-Replayed', async () => {
    const { api } = await startApiAlone(tasks);
    const first = await send(api, { tags: ['one'] });
    const second = await send(api, { args: ['may', 2], kwargs: {}, queue: 'other', tags: ['two'] });
    expect(first.headers.get('idempotent-replayed')).to.equal(null);
    expect(second.status).to.equal(202);
    expect(second.headers.get('idempotent-replayed')).to.equal('true');
    expect(second.headers.get('location')).to.equal(`tasks/${first.body.task_id}`);
    expect(second.body).to.deep.equal(first.body);
    const other = await send(api, { kwargs: { month: 'june' } });
    expect(other.headers.get('idempotent-replayed')).to.equal(null);
  });

  it('waits for the end of the first one, if it is told to wait', async () => {
    const api = await startApiAndWorker(tasks);
    const first = await send(api);
    const waiting = send(api, {}, '?wait=20');
    await eventually(() => open.length === 1);
    // Takes the same way behind it.
    expect((await send(api, {}, '?wait=0.1')).status).to.equal(202);
    endAll();
    const { body, status } = await waiting;
    expect(status).to.equal(200);
    expect(body).to.include({ task_id: first.body.task_id, state: 'SUCCESS', result: 'may' });
  });

  it('runs once, also while the first one runs, and again when it has ended', async () => {
    const api = await startApiAndWorker(tasks);
    const ids = new Set<string>();
    for (let i = 0; i < 2; i++) {
      const [one, two] = await Promise.all([send(api), send(api)]);
      await eventually(() => open.length === 1);
      const three = await send(api);
      for (const { body } of [one, two, three]) ids.add(body.task_id);
      expect(ids.size).to.equal(i + 1);
      endAll();
      const { body } = await api.get(`/v1/tasks/${three.body.task_id}?wait=10`);
      expect(body.state).to.equal('SUCCESS');
    }
  });

  it('is found by every API process, and in a batch', async () => {
    const config = testConfig();
    await publishTasks(config, tasks);
    const apis = [await startTestApi(config), await startTestApi(config)] as const;
    const answers = await Promise.all([...apis, ...apis].map((api) => send(api)));
    const [id] = answers.map(({ body }) => body.task_id);
    expect(answers.map(({ body }) => body.task_id)).to.deep.equal([id, id, id, id]);
    const again = { name: 'report', kwargs: { month: 'may' } };
    const fresh = { name: 'report', kwargs: { month: 'june' } };
    const batch = await apis[1].post('/v1/send_tasks', { tasks: [again, fresh, fresh] });
    expect(batch.status).to.equal(202);
    const sent = batch.body.tasks.map((task: { task_id: string }) => task.task_id);
    expect(sent[0]).to.equal(id);
    expect(sent[1]).to.equal(sent[2]).and.not.equal(id);
  });

  it('is the child of each that sends it', async () => {
    const api = await startApiAndWorker(tasks);
    const first = await send(api);
    const { body } = await api.post('/v1/send_task?wait=10', { name: 'parent' });
    expect(body).to.include({ state: 'SUCCESS', result: first.body.task_id });
    expect((await api.get(`/v1/tasks/${body.task_id}`)).body.children).to.deep.equal([
      first.body.task_id,
    ]);
    endAll();
  });

  it('brought back by an operator is there beside the one that took its place', async () => {
    const api = await startApiAndWorker(tasks);
    const first = await send(api, { countdown: 60 });
    await api.post(`/v1/tasks/${first.body.task_id}/revoke`);
    const second = await send(api);
    expect(second.body.task_id).not.to.equal(first.body.task_id);
    await api.post(`/v1/tasks/${first.body.task_id}/retry`);
    await eventually(() => open.length === 2);
    endAll();
  });
});
