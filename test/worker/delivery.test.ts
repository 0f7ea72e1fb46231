/** How runs go back to their queue, and what is left of runs that are nobody's any more. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import { eventually } from '../support/eventually.ts';
import { gate, type Life, startLife } from '../support/life.ts';
import { startTestWorker } from '../support/worker.ts';

const ONE = [{ name: 'default', concurrency: 1 }];

const lockOf = ({ keys }: Life, id: string) => `${keys.job('default', id)}:lock`;

describe('what a worker stores of a task', () => {
  it('keeps the tracebacks of the last runs only, however often it fails', async () => {
    const life = await startLife();
    const task = defineTask('fails', {
      retry: { max: 14, delay: 0.001, backoff: 1, jitter: false },
      run(_: object, { retries }) {
        throw new RangeError(`run ${retries + 1}`);
      },
    });
    await startTestWorker(life.config, [task]);
    await life.send('fails', ['a'], { max_retries: 14 });
    const result = await life.end('a');
    expect(result).to.include({ state: 'FAILURE', retries: 14 });
    expect(result.error).to.include({ type: 'RangeError', message: 'run 15' });
    const attempts = await life.broker.attempts('a');
    expect(attempts.map(({ attempt }) => attempt)).to.deep.equal([
      6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ]);
    expect(attempts[0]?.error.message).to.equal('run 6');
  });

  it('counts what was fetched, succeeded, failed and was retried', async () => {
    const life = await startLife();
    const task = defineTask('mixed', {
      retry: { max: 1, delay: 0.01, jitter: false },
      run(_: object, { id, retries }) {
        if (id === 'b' || (id === 'c' && retries === 0)) throw new Error('no');
      },
    });
    const worker = await startTestWorker(life.config, [task]);
    await life.send('mixed', ['a', 'b', 'c'], { max_retries: 1 });
    for (const id of ['a', 'b', 'c']) await life.end(id);
    const totals = { fetched: 5, succeeded: 2, failed: 1, retried: 2 };
    await eventually(() => expect(worker.consumers[0]?.totals).to.deep.equal(totals));
  });
});

describe('a task that is put back', () => {
  it('comes first again, and keeps its number of retries', async () => {
    const life = await startLife();
    const order: string[] = [];
    const { open, opened } = gate();
    const task = defineTask('note', {
      retry: { max: 3, delay: 0.01, jitter: false },
      run(_: object, { id, retries }) {
        order.push(`${id}-${retries}`);
        if (id === 'a' && retries === 0) throw new Error('once');
        return id === 'a' ? opened : undefined;
      },
    });
    const worker = await startTestWorker(life.config, [task], ONE);
    await life.send('note', ['a'], { max_retries: 3 });
    await eventually(() => order.includes('a-1'));
    await life.send('note', ['b', 'c']);
    await worker.stop(AbortSignal.abort());
    open();
    const back = await life.read('a');
    expect(back).to.include({ state: 'RETRY', retries: 1, worker: null });
    await startTestWorker(life.config, [task], ONE);
    await life.end('c');
    expect(order).to.deep.equal(['a-0', 'a-1', 'a-1', 'b-0', 'c-0']);
    expect(await life.read('a')).to.include({ state: 'SUCCESS', retries: 1 });
  });

  it('learns from its signal that its worker stops', async () => {
    const life = await startLife();
    let seen: TaskContext | undefined;
    const task = defineTask('hold', {
      run(_: object, ctx) {
        seen = ctx;
        return new Promise(() => undefined);
      },
    });
    const worker = await startTestWorker(life.config, [task]);
    await life.send('hold', ['a']);
    await eventually(() => seen);
    await worker.stop(AbortSignal.abort());
    expect(seen?.signal.aborted).to.equal(true);
    expect(String(seen?.signal.reason)).to.contain('shutting down');
  });
});

describe('a run whose task another worker has taken over', () => {
  it('is told so, frees its slot, and changes nothing any more', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    let seen: TaskContext | undefined;
    const task = defineTask('hold', {
      async run(_: object, ctx) {
        seen ??= ctx;
        await opened;
        await ctx.progress('late');
        return 'late';
      },
    });
    const next = defineTask('next', { run: () => 'next' });
    await startTestWorker(life.config, [task, next], ONE);
    await life.send('hold', ['a']);
    await life.send('next', ['b']);
    await life.becomes('a', 'STARTED');
    await life.redis.set(lockOf(life, 'a'), 'of another worker', 'PX', 60_000);
    expect(await life.end('b')).to.include({ state: 'SUCCESS' });
    expect(seen?.signal.reason).to.be.instanceOf(WorkerLostError);
    open();
    // Longer than progress is held back.
    await sleep(250);
    expect(await life.read('a')).to.include({ state: 'STARTED', progress: null, result: null });
  });

  it('is told so at once where the task was lost and comes back to the same worker', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    const seen: TaskContext[] = [];
    const task = defineTask('hold', {
      run(_: object, ctx) {
        seen.push(ctx);
        return seen.length === 1 ? opened.then(() => 'first') : 'second';
      },
    });
    await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 2 }]);
    await life.send('hold', ['a']);
    await eventually(() => seen.length === 1);
    // As whoever finds a lost task puts it back: in one step, before a renewal can miss the lock.
    const base = life.keys.queueBase('default');
    const back = life.redis.multi().del(lockOf(life, 'a')).lrem(`${base}active`, 1, 'a');
    await back.rpush(`${base}wait`, 'a').zadd(`${base}marker`, 0, '0').exec();
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 'second' });
    expect(seen[0]?.signal.reason).to.be.instanceOf(WorkerLostError);
    open();
    expect(await life.read('a')).to.include({ state: 'SUCCESS', result: 'second' });
  });

  it('changes nothing either where it fails, or wants another run', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    const task = defineTask('hold', {
      async run(_: object, ctx) {
        await opened;
        return ctx.id === 'a' ? ctx.retry({ maxRetries: 5 }) : Promise.reject(new Error('late'));
      },
    });
    await startTestWorker(life.config, [task]);
    await life.send('hold', ['a', 'b']);
    for (const id of ['a', 'b']) {
      await life.becomes(id, 'STARTED');
      await life.redis.set(lockOf(life, id), 'of another worker', 'PX', 60_000);
    }
    // Before the worker has noticed.
    open();
    await sleep(250);
    for (const id of ['a', 'b']) {
      expect(await life.read(id)).to.include({ state: 'STARTED', retries: 0, error: null });
    }
  });
});
