/** `throw new Reject()`: a task that will not do the work. */
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { Reject, type RejectOptions } from '../../shared/taskErrors.ts';
import { eventually } from '../support/eventually.ts';
import { startLife } from '../support/life.ts';
import { startTestWorker } from '../support/worker.ts';

/** Rejects its first `times` runs; has retries, which must not matter. */
function rejectingTask(options: RejectOptions, times = 100) {
  const runs: number[] = [];
  const task = defineTask('rejects', {
    retry: { max: 5, delay: 0.01 },
    run(_: object, { retries }) {
      runs.push(retries);
      if (runs.length <= times) throw new Reject('not here', options);
      return 'done';
    },
  });
  return { task, runs };
}

describe('a task that rejects its work', () => {
  it('is a FAILURE of type Reject, whatever its policy of retries', async () => {
    const life = await startLife();
    const { task, runs } = rejectingTask({});
    await startTestWorker(life.config, [task]);
    await life.send('rejects', ['a']);
    const result = await life.end('a');
    expect(result).to.include({ state: 'FAILURE', retries: 0 });
    expect(result.error).to.include({ type: 'Reject', message: 'not here' });
    expect(runs).to.deep.equal([0]);
  });

  it('runs again where it asks to be put back, not counted as a retry', async () => {
    const life = await startLife();
    const { task, runs } = rejectingTask({ requeue: true, delay: 0.01 }, 3);
    await startTestWorker(life.config, [task]);
    await life.send('rejects', ['a']);
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 'done', retries: 0 });
    expect(runs).to.deep.equal([0, 0, 0, 0]);
  });

  it('is PENDING until it may be taken again, after a second unless it says otherwise', async () => {
    const life = await startLife();
    const later = rejectingTask({ requeue: true, delay: 60 });
    await startTestWorker(life.config, [later.task]);
    await life.send('rejects', ['a']);
    const put = await life.once('a', ({ eta }) => eta !== null);
    expect(put).to.include({ state: 'PENDING', retries: 0, error: null, started_at: null });
    expect(Date.parse(put.eta ?? '') - Date.now()).to.be.within(50_000, 60_000);
    expect(new Reject('no', { requeue: true }).delay).to.equal(1);
  });

  it('runs again at once where its pause is past', async () => {
    const life = await startLife();
    const { task, runs } = rejectingTask({ requeue: true, delay: -5 }, 2);
    await startTestWorker(life.config, [task]);
    await life.send('rejects', ['a']);
    expect(await life.end('a')).to.include({ state: 'SUCCESS', retries: 0 });
    expect(runs).to.deep.equal([0, 0, 0]);
  });

  it('is a FAILURE where its pause is no number', async () => {
    const life = await startLife();
    const { task, runs } = rejectingTask({ requeue: true, delay: Number.NaN });
    const once = defineTask('rejects', { run: task.run });
    await startTestWorker(life.config, [once]);
    await life.send('rejects', ['a']);
    const { state, error } = await life.end('a');
    expect({ state, type: error?.type }).to.deep.equal({ state: 'FAILURE', type: 'RangeError' });
    expect(runs).to.have.length(1);
  });

  it('may be taken by another worker', async () => {
    const life = await startLife();
    const { task } = rejectingTask({ requeue: true, delay: 0.05 });
    const picky = await startTestWorker(life.config, [task]);
    await life.send('rejects', ['a']);
    await life.once('a', ({ eta }) => eta !== null);
    await picky.stop();
    await startTestWorker(life.config, [defineTask('rejects', { run: () => 'taken' })]);
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 'taken' });
  });

  it('keeps its priority when it is put back', async () => {
    const life = await startLife();
    const { task } = rejectingTask({ requeue: true, delay: 0.01 }, 1);
    await startTestWorker(life.config, [task]);
    await life.send('rejects', ['a'], { priority: 9 });
    expect(await life.end('a')).to.include({ state: 'SUCCESS', priority: 9 });
    const { redis, keys } = life;
    expect(await redis.hget(keys.job('default', 'a'), 'priority')).to.equal('1');
  });

  it('can be revoked while it is put back', async () => {
    const life = await startLife();
    const { task, runs } = rejectingTask({ requeue: true, delay: 60 });
    await startTestWorker(life.config, [task]);
    await life.send('rejects', ['a']);
    await life.once('a', ({ eta }) => eta !== null);
    expect(await life.broker.revoke('a', false)).to.include({ state: 'REVOKED', ready: true });
    await eventually(() => runs.length === 1);
  });
});
