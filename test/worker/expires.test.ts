/** `expires`: a task that has not started by then is REVOKED and never runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { refuseExpired } from '../../worker/steps/refuseExpired.ts';
import { eventually } from '../support/eventually.ts';
import { gate, type Life, startLife } from '../support/life.ts';
import { testRun } from '../support/run.ts';
import { startApiAlone } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

/** So soon a task starts, also on a busy machine. */
const START_WITHIN_MS = 1500;

/** By a clock that may be a little ahead of this process' timers. */
const until = (time: number) => sleep(Math.max(0, time - Date.now()) + 20);

const ONE = [{ name: 'default', concurrency: 1 }];

function notingTask(options: TaskOptions = {}, run: (ctx: TaskContext) => unknown = () => 'ran') {
  const ran: string[] = [];
  const task = defineTask('note', {
    ...options,
    run(_: object, ctx) {
      ran.push(ctx.id);
      return run(ctx);
    },
  });
  return { task, ran };
}

/** For a worker whose clock is behind, the task has not expired yet. */
async function expireLater({ redis, keys }: Life, id: string): Promise<void> {
  const job = keys.job('default', id);
  const body = JSON.parse((await redis.hget(job, 'data')) ?? '');
  await redis.hset(job, 'data', JSON.stringify({ ...body, expires: Date.now() + 60_000 }));
}

describe('a task that expires', () => {
  it('is REVOKED when a worker takes it too late, and never runs', async () => {
    const life = await startLife();
    const { task, ran } = notingTask();
    const { open, opened } = gate();
    const block = defineTask('block', { run: () => opened });
    await startTestWorker(life.config, [task, block], ONE);
    await life.send('block', ['first']);
    await life.becomes('first', 'STARTED');
    const expires = Date.now() + 100;
    await life.send('note', ['a'], { expires });
    await life.send('note', ['b'], { expires: Date.now() + 60_000 });
    await until(expires);
    open();
    expect(await life.end('b')).to.include({ state: 'SUCCESS' });
    const { redis, keys } = life;
    // As the worker has filed it, before anybody has read it.
    expect(await redis.zscore(keys.finished('default', false), 'a')).not.to.equal(null);
    const result = await life.read('a');
    expect(result).to.include({ state: 'REVOKED', ready: true, successful: false });
    expect(result.error).to.include({ type: 'TaskExpired' });
    expect(ran).to.deep.equal(['b']);
  });

  it('is REVOKED for good once anybody reads it, though the clock of the worker is behind', async () => {
    const life = await startLife();
    const { task, ran } = notingTask();
    const expires = Date.now() - 1;
    await life.send('note', ['a', 'b'], { expires });
    await life.send('note', ['due'], { expires, eta: Date.now() + 500 });
    for (const id of ['a', 'due']) {
      const result = await life.read(id);
      expect(result).to.deep.include({ state: 'REVOKED', ready: true });
      expect(result.error).to.include({ type: 'TaskExpired' });
    }
    for (const id of ['a', 'b', 'due']) await expireLater(life, id);
    await startTestWorker(life.config, [task]);
    expect(await life.end('b')).to.include({ state: 'SUCCESS' });
    await sleep(600);
    expect(await life.read('a')).to.include({ state: 'REVOKED' });
    expect(await life.read('due')).to.include({ state: 'REVOKED' });
    expect(ran).to.deep.equal(['b']);
  });

  it('is REVOKED where it should have been retried later', async () => {
    const life = await startLife();
    const retry = { max: 3, delay: 1.6, jitter: false };
    const { task, ran } = notingTask({ retry }, () => Promise.reject(new Error('no')));
    await startTestWorker(life.config, [task]);
    const expires = Date.now() + START_WITHIN_MS;
    await life.send('note', ['a'], { expires, max_retries: 3 });
    await life.becomes('a', 'RETRY');
    const result = await life.end('a');
    expect(result).to.include({ state: 'REVOKED', retries: 1 });
    expect(result.error).to.include({ type: 'TaskExpired' });
    await sleep(400);
    expect(ran).to.deep.equal(['a']);
  });

  it('goes on, once it has started', async () => {
    const life = await startLife();
    const { open, opened } = gate<string>();
    const { task } = notingTask({}, () => opened);
    await startTestWorker(life.config, [task]);
    const expires = Date.now() + START_WITHIN_MS;
    await life.send('note', ['a'], { expires });
    await life.becomes('a', 'STARTED');
    await until(expires);
    expect(await life.read('a')).to.include({ state: 'STARTED' });
    open('done');
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 'done' });
  });

  it('tells its task when', async () => {
    const life = await startLife();
    const { task } = notingTask({}, ({ expires }) => expires?.getTime());
    await startTestWorker(life.config, [task]);
    const expires = Date.now() + 60_000;
    await life.send('note', ['a'], { expires });
    expect(await life.end('a')).to.include({
      result: expires,
      expires: new Date(expires).toISOString(),
    });
  });

  it('is not run again where its worker stops after that time', async () => {
    const life = await startLife();
    const hang = defineTask('note', { run: () => new Promise(() => undefined) });
    const worker = await startTestWorker(life.config, [hang]);
    const expires = Date.now() + START_WITHIN_MS;
    await life.send('note', ['a'], { expires });
    await life.becomes('a', 'STARTED');
    await until(expires);
    await worker.stop(AbortSignal.abort());
    const { task, ran } = notingTask();
    await startTestWorker(life.config, [task]);
    expect(await life.end('a')).to.include({ state: 'REVOKED' });
    expect(ran).to.deep.equal([]);
  });
});

describe('the time at which a task expires', () => {
  it("is that of the call, in seconds or as a time, else the task's", async () => {
    const { task } = notingTask({ expires: 100 });
    const { api } = await startApiAlone([task]);
    const secondsOf = async (more: object) => {
      const { body } = await api.post('/v1/send_task', { name: 'note', ...more });
      return (Date.parse(body.expires) - Date.parse(body.sent_at)) / 1000;
    };
    expect(await secondsOf({})).to.equal(100);
    expect(await secondsOf({ expires: 1.5 })).to.equal(1.5);
    const time = new Date(Date.now() + 60_000).toISOString();
    expect(await secondsOf({ expires: time })).to.be.within(50, 61);
  });

  it('may be now, or have been before', async () => {
    const { task } = notingTask();
    const { api } = await startApiAlone([task]);
    for (const expires of [0, new Date(Date.now() - 60_000).toISOString()]) {
      const { body } = await api.post('/v1/send_task', { name: 'note', expires });
      const read = async () => (await api.get(`/v1/tasks/${body.task_id}`)).body;
      await eventually(async () => (await read()).state === 'REVOKED');
    }
  });

  it('means nothing where another program has stored what is no time', async () => {
    const { task } = notingTask();
    const body = { kwargs: {}, expires: 'soon' as unknown as number };
    const { run } = testRun(task, { message: { body } });
    let isRun = false;
    await refuseExpired(run, async () => {
      isRun = true;
    });
    expect(isRun).to.equal(true);
  });
});
