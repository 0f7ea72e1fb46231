/** A result whose time is over is gone at once, whether or not somebody has swept it yet. */
import { expect } from 'chai';
import { createKeys } from '../../shared/keys.ts';
import { add } from '../fixtures/quick.ts';
import { startApiAlone } from '../support/stack.ts';
import { type End, endStored } from '../support/stored.ts';

const KEPT_S = 60;

/** Tasks that have ended so many seconds ago in a queue whose workers keep results for a minute. */
async function start(ended: Readonly<Record<string, Partial<End> & { agoS: number }>>) {
  const { api, redis } = await startApiAlone([add]);
  const keys = createKeys(api.config.prefix);
  await redis.hset(keys.queueMeta('default'), 'kaje.resultExpires', KEPT_S);
  for (const [task_id, { agoS, ...end }] of Object.entries(ended)) {
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id });
    const at = Date.now() - agoS * 1000;
    await endStored({ redis, keys }, task_id, { at, ...end });
  }
  return { api, redis, keys };
}

describe('a result whose time is over by the setting of its workers', () => {
  for (const [outcome, end] of [
    ['SUCCESS', {}],
    ['FAILURE', { traceback: 'Error: no' }],
  ] as const) {
    it(`is 404 everywhere, and gone: ${outcome}`, async () => {
      const { api, redis, keys } = await start({ old: { agoS: KEPT_S + 1, ...end } });
      for (const path of ['', '?wait=1', '/logs', '/attempts']) {
        expect((await api.get(`/v1/tasks/old${path}`)).status, path).to.equal(404);
      }
      expect(await redis.exists(keys.job('default', 'old'))).to.equal(0);
    });
  }

  it('is in no list and among no results, and its neighbours are', async () => {
    const { api } = await start({ old: { agoS: KEPT_S + 1 }, young: { agoS: KEPT_S - 30 } });
    const { body } = await api.post('/v1/results', { task_ids: ['old', 'young'] });
    const [old, young] = body.results;
    expect([old, young.task_id]).to.deep.equal([null, 'young']);
    const { tasks } = (await api.get('/v1/tasks')).body;
    expect(tasks.map((task: { task_id: string }) => task.task_id)).to.deep.equal(['young']);
  });

  it('makes its id free for a new task', async () => {
    const { api } = await start({ old: { agoS: KEPT_S + 1 } });
    const again = await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: 'old' });
    expect(again.headers.get('idempotent-replayed')).to.equal(null);
    expect((await api.get('/v1/tasks/old')).body.state).to.equal('PENDING');
  });
});
