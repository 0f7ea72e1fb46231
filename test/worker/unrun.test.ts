/** The event of a task that is revoked between two runs: told once, by whoever ends it. */
import { expect } from 'chai';
import type { ClusterEvent } from '../../shared/clusterEvents.ts';
import { defineTask } from '../../shared/task.ts';
import { Reject } from '../../shared/taskErrors.ts';
import { createConsumer } from '../../worker/consumer.ts';
import type { Tools } from '../../worker/tools.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, startLife } from '../support/life.ts';
import { testTools } from '../support/tools.ts';

/** A worker whose runs of the task `hold` wait, then want to be run again; its events are collected. */
async function start() {
  const life = await startLife();
  const { open, opened } = gate();
  let runs = 0;
  const task = defineTask('hold', {
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
  const revoked = () =>
    events.flatMap((event) => (event.type === 'task-revoked' ? [event.task_id] : []));
  return { ...life, open, consume, revoked, runs: () => runs };
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
