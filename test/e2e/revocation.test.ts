/** Revoked tasks never run, whatever is restarted, and what was ended stays so. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, recordsOf, sendAll, times } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE, '--log-level', 'warn'];

describe('revoked tasks', () => {
  it('never run, also when all workers are restarted: 1,000 of them that waited', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    const runs = (key: string) => redis.lrange(`${api.config.prefix}.runs:${key}`, 0, -1);
    const first = await runWorkerProcess(api.config, [...WORKER, '--queues', 'default:1']);
    const [holder = ''] = await sendAll(api, [{ name: 'deaf', kwargs: { ms: 30_000 } }]);
    await eventually(async () => (await runs('deaf')).length === 1);
    const stamps = times(1000, () => ({ name: 'stamp', kwargs: { key: 'revoked' } }));
    const ids = await sendAll(api, stamps);
    const { body } = await api.post('/v1/revoke', { task_ids: ids });
    expect(body).to.deep.equal({ revoked: 1000, running: 0, ready: 0, unknown: 0 });
    expect(countStates(await recordsOf(api, ids))).to.deep.equal({ REVOKED: 1000 });

    first.child.kill('SIGKILL');
    await first.ended;
    await api.post(`/v1/tasks/${holder}/revoke`, { terminate: true });
    await Promise.all([runWorkerProcess(api.config, WORKER), runWorkerProcess(api.config, WORKER)]);
    const after = await sendAll(api, [{ name: 'stamp', kwargs: { key: 'after' } }]);
    await endOf(api, after, 60_000);
    const { body: queue } = await eventually(async () => {
      const answer = await api.get('/v1/queues/default');
      return answer.body.waiting + answer.body.active === 0 && answer;
    }, 30_000);
    expect(queue).to.include({ failed: 1001, succeeded: 1 });
    expect(await runs('revoked')).to.deep.equal([]);
    expect(countStates(await recordsOf(api, ids))).to.deep.equal({ REVOKED: 1000 });
  });

  it('are REVOKED at once when 100 running ones are terminated, and none flips later', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    const worker = await runWorkerProcess(api.config, [...WORKER, '--queues', 'default:100']);
    const ids = await sendAll(
      api,
      times(100, () => ({ name: 'deaf', kwargs: { ms: 3000 } })),
    );
    const key = `${api.config.prefix}.runs:deaf`;
    await eventually(async () => (await redis.llen(key)) === 100);
    const { body } = await api.post('/v1/revoke', { task_ids: ids, terminate: true });
    expect(body).to.deep.equal({ revoked: 100, running: 0, ready: 0, unknown: 0 });
    const revoked = await recordsOf(api, ids);
    expect(countStates(revoked)).to.deep.equal({ REVOKED: 100 });
    // Their slots are free at once, though their code runs on.
    const next = await sendAll(
      api,
      times(100, () => ({ name: 'deaf', kwargs: { ms: 3200 } })),
    );
    await eventually(async () => (await redis.llen(key)) === 200);
    expect(countStates(await endOf(api, next, 60_000))).to.deep.equal({ SUCCESS: 100 });
    // By now the code of the first hundred has ended too: nothing of it was stored.
    expect(await recordsOf(api, ids)).to.deep.equal(revoked);
    expect(worker.output()).not.to.match(/could not be stored|"level":50/);
  });
});
