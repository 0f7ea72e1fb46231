/** `acksLate: false`: a task that runs at most once, also when its worker is lost. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { Reject } from '../../shared/taskErrors.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { eventually } from '../support/eventually.ts';
import { gate, type Life, startLife } from '../support/life.ts';
import { runWorkerProcess, startTestWorker } from '../support/worker.ts';

const LOST = fileURLToPath(new URL('../fixtures/lost.ts', import.meta.url));
const SLOW_START = fileURLToPath(new URL('../fixtures/slowStart.ts', import.meta.url));

const once = (run: (input: never, ctx: TaskContext) => unknown, options: TaskOptions = {}) =>
  defineTask('once', { acksLate: false, ...options, run });

const markOf = ({ redis, keys }: Life, id = 'a') => redis.hget(keys.job('default', id), 'defa');

describe('a task that may run once only', () => {
  it('is marked as lost before it starts, and succeeds all the same', async () => {
    const life = await startLife();
    let mark: string | null = null;
    const task = once(async () => {
      mark = await markOf(life);
      return 'done';
    });
    await startTestWorker(life.config, [task]);
    await life.send('once', ['a']);
    const result = await life.end('a');
    expect(result).to.include({ state: 'SUCCESS', result: 'done', error: null });
    expect(result.runtime).to.be.a('number');
    expect(mark).to.match(/^WorkerLostError: .*acksLate: false/);
  });

  it('is STARTED while it runs, marked or not', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    await startTestWorker(life.config, [once(() => opened)]);
    await life.send('once', ['a']);
    await eventually(async () => (await markOf(life)) !== null);
    expect(await life.read('a')).to.include({ state: 'STARTED', ready: false, error: null });
    open();
    expect(await life.end('a')).to.include({ state: 'SUCCESS' });
  });

  it('fails as any other, with its own error', async () => {
    const life = await startLife();
    const fails = once(() => Promise.reject(new RangeError('too far')));
    await startTestWorker(life.config, [fails]);
    await life.send('once', ['a']);
    const { state, error } = await life.end('a');
    expect({ state, type: error?.type }).to.deep.equal({ state: 'FAILURE', type: 'RangeError' });
    expect(await markOf(life)).to.equal(null);
  });

  it('carries no mark between its runs where it asks for another one', async () => {
    const life = await startLife();
    const marks: (string | null)[] = [];
    const task = once(
      async (_, ctx) => {
        marks.push(await markOf(life));
        if (ctx.retries === 0) throw new Error('first');
        if (marks.length === 2) throw new Reject('second', { requeue: true, delay: 0.3 });
        return marks.length;
      },
      { retry: { max: 1, delay: 0.3, jitter: false } },
    );
    await startTestWorker(life.config, [task]);
    await life.send('once', ['a']);
    const waits = await life.becomes('a', 'RETRY');
    expect(waits.error).to.include({ message: 'first' });
    expect(await markOf(life)).to.equal(null);
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 3, retries: 1 });
    expect(marks.every((mark) => mark?.startsWith('WorkerLostError'))).to.equal(true);
  });

  it('keeps the mark of its revocation when its run asks for another one', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    const task = once(async (_, ctx) => {
      await opened;
      return ctx.retry({ countdown: 0.01, maxRetries: 5 });
    });
    await startTestWorker(life.config, [task]);
    await life.send('once', ['a']);
    await eventually(async () => (await markOf(life)) !== null);
    await life.broker.revoke('a', false);
    expect(await markOf(life)).to.match(/^TaskRevokedError/);
    open();
    expect(await life.end('a')).to.include({ state: 'REVOKED' });
  });

  it('can be run again by an operator after its end', async () => {
    const life = await startLife();
    let runs = 0;
    const task = once(() => {
      if (++runs === 1) throw new Error('first');
      return runs;
    });
    await startTestWorker(life.config, [task]);
    await life.send('once', ['a']);
    await life.becomes('a', 'FAILURE');
    await life.broker.retry('a');
    expect(await life.becomes('a', 'SUCCESS')).to.include({ result: 2, error: null });
  });

  it('is a FAILURE WorkerLostError, not put back, when its worker stops past the grace', async () => {
    const life = await startLife();
    const worker = await startTestWorker(life.config, [once(() => sleep(60_000))]);
    await life.send('once', ['a']);
    await eventually(async () => (await markOf(life)) !== null);
    await worker.stop(AbortSignal.abort());
    const { state, retries, error } = await life.read('a');
    expect({ state, retries }).to.deep.equal({ state: 'FAILURE', retries: 0 });
    expect(error).to.include({ type: 'WorkerLostError' });
    expect(error?.message).to.contain('The worker stopped');
    await startTestWorker(life.config, [once(() => 'again')]);
    await life.send('once', ['b']);
    await life.becomes('b', 'SUCCESS');
    expect(await life.read('a')).to.include({ state: 'FAILURE' });
  });

  it('is a FAILURE WorkerLostError after one run when its worker is killed', async () => {
    const life = await startLife();
    const { redis, keys, config } = life;
    const args = ['--tasks', LOST, '--name', 'doomed'];
    const doomed = await runWorkerProcess(config, args);
    await life.send('charge', ['a']);
    const runs = () => redis.lrange(`${config.prefix}.runs:charge`, 0, -1);
    await eventually(async () => (await runs()).length === 1);
    doomed.child.kill('SIGKILL');
    await doomed.ended;
    // As if its 14 s were over.
    await redis.del(`${keys.job('default', 'a')}:lock`);
    const lost = await life.read('a');
    expect(lost, 'before anybody has found it').to.include({ state: 'PENDING', ready: false });
    let ranAgain = 0;
    const heir = defineTask('charge', { acksLate: false, run: () => ++ranAgain });
    await startTestWorker(config, [heir]);
    await eventually(
      async () => (await redis.zcard(keys.finished('default', false))) === 1,
      20_000,
    );
    const { state, retries, error } = await life.read('a');
    expect({ state, retries }).to.deep.equal({ state: 'FAILURE', retries: 0 });
    expect(error).to.include({ type: 'WorkerLostError' });
    expect(error?.message).to.contain('"doomed"');
    expect([await runs(), ranAgain]).to.deep.equal([['a'], 0]);
  });

  it('runs elsewhere when its worker is killed while it waits for a thread', async () => {
    const life = await startLife();
    const { redis, keys, config } = life;
    const doomed = await runWorkerProcess(config, ['--tasks', SLOW_START, '--name', 'doomed']);
    await life.send('charge', ['a']);
    await eventually(async () => (await redis.llen(`${config.prefix}.checked`)) > 0);
    doomed.child.kill('SIGKILL');
    await doomed.ended;
    await redis.del(`${keys.job('default', 'a')}:lock`);
    const heir = defineTask('charge', { acksLate: false, run: () => 'charged elsewhere' });
    await startTestWorker(config, [heir]);
    expect(await life.end('a', 30_000)).to.include({
      state: 'SUCCESS',
      result: 'charged elsewhere',
      retries: 0,
    });
  });

  it('waits for its turn before it is marked', async () => {
    const life = await startLife();
    const paced = once(() => 'ran', { rateLimit: '1/h' });
    await startTestWorker(life.config, [paced]);
    await life.send('once', ['a', 'b']);
    await life.end('a');
    await life.once('b', ({ eta }) => eta !== null);
    expect(await markOf(life, 'b')).to.equal(null);
    expect(await life.read('b')).to.include({ state: 'PENDING' });
  });
});
