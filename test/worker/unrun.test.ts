/** The event of a task that is revoked between two runs: told once, by whoever ends it. */
import { expect } from 'chai';
import type { ClusterEvent } from '../../shared/clusterEvents.ts';
import { defineTask } from '../../shared/task.ts';
import { Reject } from '../../shared/taskErrors.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { createConsumer } from '../../worker/consumer.ts';
import type { Tools } from '../../worker/tools.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, startLife } from '../support/life.ts';
import { testTools } from '../support/tools.ts';

/** A worker whose runs of the task `hold` wait, then want to be run again; its events are collected. */
async function start(options: TaskOptions = {}) {
  const life = await startLife();
  const { open, opened } = gate();
  let runs = 0;
  const task = defineTask('hold', {
    ...options,
    async run() {
      runs++;
      await opened;
      throw new Reject('not here', { requeue: true, delay: 0.01 });
    },
  });
  const events: ClusterEvent[] = [];
  const teller = { wanted: () => true, tell: (event: ClusterEvent) => void events.push(event) };
  const tools: Tools = { ...testTools(life.config, [task]), teller };
  const consume = () => {
    const consumer = createConsumer({ queue: 'default', concurrency: 1, tools });
    defer(() => consumer.stop(AbortSignal.abort()));
    return consumer;
  };
  const told = (type: ClusterEvent['type']) => events.filter((event) => event.type === type);
  const revoked = () => told('task-revoked').map((event) => 'task_id' in event && event.task_id);
  return { ...life, open, consume, told, revoked, runs: () => runs };
}

const isFiled = ({ redis, keys }: Awaited<ReturnType<typeof start>>) =>
  eventually(async () => (await redis.zcard(keys.finished('default', false))) === 1);

describe('a task that is told to stop while it runs, and is not run again', () => {
  it('is told as revoked where its run went back by itself', async () => {
    const test = await start();
    test.consume();
    await test.send('hold', ['a']);
    await eventually(() => test.runs() === 1);
    await test.broker.revoke('a', false);
    test.open();
    await isFiled(test);
    await eventually(() => expect(test.revoked()).to.deep.equal(['a']));
    expect(await test.read('a')).to.include({ state: 'REVOKED' });
    expect(test.runs()).to.equal(1);
  });

  it('is told as revoked where its worker stopped', async () => {
    const test = await start();
    const first = test.consume();
    await test.send('hold', ['a']);
    await eventually(() => test.runs() === 1);
    await test.broker.revoke('a', false);
    await first.stop(AbortSignal.abort());
    expect(test.revoked()).to.deep.equal([]);
    test.consume();
    await isFiled(test);
    await eventually(() => expect(test.revoked()).to.deep.equal(['a']));
  });

  it('is not told again by the worker that files it where it was revoked while it waited', async () => {
    const test = await start();
    await test.send('hold', ['a']);
    await test.broker.revoke('a', false);
    test.consume();
    await isFiled(test);
    // Whatever is told of the first stands before what is told of the second.
    await test.send('hold', ['b']);
    await eventually(() => test.runs() === 1);
    expect(test.revoked()).to.deep.equal([]);
  });
});

describe('a task that may run once only', () => {
  const lost = { task_id: 'a', name: 'hold', worker: 'w1' };

  it('is told as failed where its worker stops and does not wait for it', async () => {
    const test = await start({ acksLate: false });
    const consumer = test.consume();
    await test.send('hold', ['a']);
    await eventually(() => test.runs() === 1);
    await consumer.stop(AbortSignal.abort());
    await isFiled(test);
    const [event, ...others] = test.told('task-failed');
    expect(others).to.deep.equal([]);
    expect(event).to.deep.include(lost).and.have.nested.property('error.type', 'WorkerLostError');
  });

  it('is told as failed by the worker that finds it lost', async () => {
    const test = await start({ acksLate: false });
    const { redis, keys } = test;
    const base = keys.queueBase('default');
    const first = test.consume();
    await test.send('hold', ['a']);
    await eventually(() => test.runs() === 1);
    // Lost: whoever finds it puts it back, and who takes it files it.
    const back = redis.multi().del(`${keys.job('default', 'a')}:lock`);
    await back.lrem(`${base}active`, 1, 'a').rpush(`${base}wait`, 'a').exec();
    await first.stop(AbortSignal.abort());
    expect(test.told('task-failed')).to.deep.equal([]);
    test.consume();
    await isFiled(test);
    await eventually(() => expect(test.told('task-failed')).to.have.length(1));
    expect(test.told('task-failed')[0]).to.have.nested.property('error.type', 'WorkerLostError');
    expect(test.runs()).to.equal(1);
  });
});
