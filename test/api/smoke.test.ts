import { expect } from 'chai';
import * as fixtures from '../fixtures/tasks.ts';
import { startTestApi } from '../support/api.ts';
import { startTestWorker } from '../support/worker.ts';

describe('the main job', () => {
  it('sends a task over HTTP, runs it on a worker, and reads its result', async () => {
    const api = await startTestApi();
    await startTestWorker(api.config, [fixtures.add]);
    const sent = await api.post('/v1/send_task', { name: 'add', args: [2, 3] });
    expect(sent.status).to.equal(202);
    const read = await api.get(`${sent.headers.get('location')}?wait=10`);
    expect(read.body).to.include({ state: 'SUCCESS', result: 5 });
  });
});
