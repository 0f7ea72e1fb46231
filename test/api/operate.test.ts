import { expect } from 'chai';
import { z } from 'zod';
import { defineTask } from '../../client/index.ts';
import { add, boom, echo, hold, stubborn } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

const startBoth = () => startApiAndWorker([add, boom, hold, stubborn]);

async function reach(api: TestApi, state: string): Promise<void> {
  await eventually(async () => (await api.get('/v1/tasks/t')).body?.state === state);
}

const WRONG: readonly (readonly [state: string, task: object])[] = [
  ['STARTED', { name: 'hold' }],
  ['RETRY', { name: 'stubborn' }],
  ['PENDING', { name: 'add', args: [1, 2], countdown: 60 }],
];

describe('POST /v1/tasks/{task_id}/retry', () => {
  it('runs a failed task again under its id, with a clean record', async () => {
    let runs = 0;
    const cured = defineTask('cured', {
      input: z.object({ x: z.number() }),
      run({ x }) {
        if (++runs === 1) throw new Error('not today');
        return x;
      },
    });
    const api = await startApiAndWorker([cured]);
    const task = { name: 'cured', args: [7], task_id: 't', tags: ['kept'], headers: { h: 1 } };
    const failed = await api.post('/v1/send_task?wait=10', task);
    expect(failed.body.state).to.equal('FAILURE');
    const { status, headers, body } = await api.post('/v1/tasks/t/retry');
    expect(status).to.equal(202);
    expect(headers.get('location')).to.equal('../t');
    expect(body).to.include({ task_id: 't', failed: false });
    const done = (await api.get('/v1/tasks/t?wait=10')).body;
    expect(done).to.deep.include({ state: 'SUCCESS', result: 7, error: null, retries: 0 });
    expect(done).to.deep.include({ args: [7], tags: ['kept'], headers: { h: 1 } });
    expect(runs).to.equal(2);
  });

  for (const [state, task] of [...WRONG, ['SUCCESS', { name: 'add', args: [1, 2] }] as const]) {
    it(`answers 409 while the task is ${state}`, async () => {
      const api = await startBoth();
      await api.post('/v1/send_task', { ...task, task_id: 't' });
      await reach(api, state);
      const { status, body } = await api.post('/v1/tasks/t/retry');
      expect(status).to.equal(409);
      expect(body).to.include({ type: 'urn:kaje:problem:wrong_state', status: 409 });
      expect(body.detail).to.include(state);
      expect((await api.get('/v1/tasks/t')).body.state).to.equal(state);
    });
  }

  it('lets one of two that come at once win', async () => {
    const api = await startBoth();
    await api.post('/v1/send_task?wait=10', { name: 'boom', task_id: 't' });
    // Else it may have failed once more when the second one comes, which may retry it then.
    await api.post('/v1/queues/default/pause');
    const answers = await Promise.all([1, 2].map(() => api.post('/v1/tasks/t/retry')));
    expect(answers.map(({ status }) => status)).to.have.members([202, 409]);
  });

  it('answers 404 for an unknown id', async () => {
    const { api } = await startApiAlone([echo]);
    expect((await api.post('/v1/tasks/nobody/retry')).status).to.equal(404);
  });
});

describe('DELETE /v1/tasks/{task_id}', () => {
  for (const [title, task] of [
    ['succeeded', { name: 'add', args: [1, 2] }],
    ['failed', { name: 'boom' }],
  ] as const) {
    it(`forgets a task that ${title}: 204, then 404 everywhere`, async () => {
      const api = await startBoth();
      await api.post('/v1/send_task?wait=10', { ...task, task_id: 't' });
      const { status, text } = await api.delete('/v1/tasks/t');
      expect([status, text]).to.deep.equal([204, '']);
      expect((await api.delete('/v1/tasks/t')).status).to.equal(404);
      expect((await api.get('/v1/tasks/t')).status).to.equal(404);
      expect((await api.post('/v1/results', { task_ids: ['t'] })).body.results).to.deep.equal([
        null,
      ]);
      expect((await api.get('/v1/queues/default')).body).to.include({ succeeded: 0, failed: 0 });
    });
  }

  for (const [state, task] of WRONG) {
    it(`answers 409 while the task is ${state}, which goes on`, async () => {
      const api = await startBoth();
      await api.post('/v1/send_task', { ...task, task_id: 't' });
      await reach(api, state);
      const { status, body } = await api.delete('/v1/tasks/t');
      expect(status).to.equal(409);
      expect(body).to.include({ type: 'urn:kaje:problem:wrong_state', status: 409 });
      expect((await api.get('/v1/tasks/t')).body.state).to.equal(state);
    });
  }
});
