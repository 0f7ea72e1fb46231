import { expect } from 'chai';
import { add, boom, echo, hold } from '../fixtures/quick.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

const idsOf = (tasks: readonly { task_id: string }[]) => tasks.map(({ task_id: id }) => id);

describe('GET /v1/tasks', () => {
  it('lists what was sent and what became of it, newest first', async () => {
    const api = await startApiAndWorker([add, boom, hold]);
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 'sum' });
    await api.post('/v1/send_task?wait=10', { name: 'boom', task_id: 'bad' });
    await api.post('/v1/send_task', { name: 'hold', task_id: 'held' });
    await eventually(async () => (await api.get('/v1/tasks/held')).body.state === 'STARTED');
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], countdown: 60, task_id: 'due' });
    const { status, body, headers } = await api.get('/v1/tasks');
    expect(status).to.equal(200);
    expect(idsOf(body.tasks)).to.deep.equal(['due', 'held', 'bad', 'sum']);
    expect(body.tasks.map(({ state }: { state: string }) => state)).to.deep.equal([
      ...['PENDING', 'STARTED', 'FAILURE', 'SUCCESS'],
    ]);
    expect(body.next_cursor).to.equal(null);
    expect(headers.get('link')).to.equal(null);
    expect(body.tasks[3]).to.deep.equal((await api.get('/v1/tasks/sum')).body);
  });

  it('leads from page to page by Link and by cursor, with the same filters', async () => {
    const { api } = await startApiAlone([echo]);
    const tasks = Array.from({ length: 7 }, (_, i) => ({
      name: 'echo',
      task_id: `t${i}`,
      tags: [i % 2 ? 'odd' : 'even & more'],
    }));
    for (const task of tasks) await api.post('/v1/send_task', task);
    const filters = new URLSearchParams({ tag: 'even & more', limit: '2' });
    const first = await api.get(`/v1/tasks?${filters}`);
    expect(idsOf(first.body.tasks)).to.deep.equal(['t6', 't4']);
    const [, next = ''] = /^<(\?[^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
    const byLink = await api.get(`/v1/tasks${next}`);
    expect(idsOf(byLink.body.tasks)).to.deep.equal(['t2', 't0']);
    filters.set('cursor', first.body.next_cursor);
    expect((await api.get(`/v1/tasks?${filters}`)).body).to.deep.equal(byLink.body);
  });

  it('takes the contract’s parameters also when they are empty', async () => {
    const { api } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const all = '/v1/tasks?state=&name=&queue=&tag=&since=&until=&limit=50&cursor=';
    expect(idsOf((await api.get(all)).body.tasks)).to.deep.equal(['t']);
  });

  for (const [query, path] of [
    ['state=done', '/state'],
    ['limit=201', '/limit'],
    ['limit=x', '/limit'],
    ['cursor=x', '/cursor'],
    ['since=now', '/since'],
    ['until=2026-11-22', '/until'],
    ['stat=FAILURE', '/stat'],
  ] as const) {
    it(`answers ?${query} with 422 and the name of the field`, async () => {
      const { api } = await startApiAlone([]);
      const { status, body } = await api.get(`/v1/tasks?${query}`);
      expect(status).to.equal(422);
      expect(body.errors[0].path).to.equal(path);
    });
  }
});
