import { expect } from 'chai';
import { TaskFailedError, TaskNotFoundError, WrongStateError } from '../../client/index.ts';
import { clockToSet } from '../support/clock.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, overBothTransports } from './connect.ts';

describe('AsyncResult', () => {
  overBothTransports((connect) => {
    it('tells of a task that waits that nothing has ended yet', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      expect(await result.state).to.equal('PENDING');
      expect(await result.ready()).to.equal(false);
      expect(await result.successful()).to.equal(false);
      expect(await result.failed()).to.equal(false);
      expect(await result.result).to.equal(null);
      expect(await result.dateDone).to.equal(null);
      expect(await result.traceback).to.equal(null);
      expect(await result.children).to.deep.equal([]);
    });

    it('shows the state and the progress of a task that runs', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 1000 });
      await eventually(async () => (await result.state) === 'PROGRESS');
      const { progress, worker, started_at: startedAt, ready } = await result.info;
      expect(progress).to.deep.equal({ begun: true });
      expect(worker).to.be.a('string');
      expect(Date.parse(`${startedAt}`)).to.be.closeTo(Date.now(), 5000);
      expect(ready).to.equal(false);
      expect(await result.result).to.equal(null);
    });

    it('tells how a task succeeded', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { tags: ['t'] });
      await result.get({ timeout: 10 });
      expect(await result.state).to.equal('SUCCESS');
      expect(await result.ready()).to.equal(true);
      expect(await result.successful()).to.equal(true);
      expect(await result.failed()).to.equal(false);
      expect(await result.result).to.equal(3);
      expect(await result.retries).to.equal(0);
      expect((await result.dateDone)?.getTime()).to.be.closeTo(Date.now(), 5000);
      const info = await result.info;
      expect(info).to.include({ task_id: result.id, name: 'add', queue: 'default', error: null });
      expect(info).to.deep.include({ kwargs: { a: 1, b: 2 }, tags: ['t'], headers: {} });
    });

    it('is waited for as long as was said, also while somebody sets the clock of the machine', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 1000 });
      await eventually(async () => (await result.state) === 'PROGRESS');
      const clock = clockToSet();
      const got = result.get({ timeout: 30 });
      clock.setAhead(3_600_000);
      await got;
      expect(await result.state).to.equal('SUCCESS');
    });

    it('tells how a task failed', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('refuse', { message: 'no' }, { maxRetries: 1 });
      await result.get({ timeout: 10, propagate: false });
      expect(await result.state).to.equal('FAILURE');
      expect(await result.ready()).to.equal(true);
      expect(await result.successful()).to.equal(false);
      expect(await result.failed()).to.equal(true);
      expect(await result.result).to.be.instanceOf(TaskFailedError);
      expect(await result.traceback).to.match(/^PaymentRefused: no\n/);
      expect(await result.retries).to.equal(1);
    });

    it('forgets a finished task, and refuses to forget one that is not ready', async () => {
      const { kaje } = await connect();
      const waiting = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      expect(await errorOf(waiting.forget())).to.be.instanceOf(WrongStateError);
      const done = await kaje.sendTask('add', { a: 1, b: 2 });
      await done.get({ timeout: 10 });
      await done.forget();
      expect(await errorOf(done.state)).to.be.instanceOf(TaskNotFoundError);
      expect(await errorOf(done.forget())).to.be.instanceOf(TaskNotFoundError);
    });

    it('reads nothing before it is asked', async () => {
      const { kaje } = await connect();
      expect(kaje.asyncResult('never-sent').id).to.equal('never-sent');
    });

    it('lists the tasks, queues and workers of the cluster', async () => {
      const { kaje } = await connect();
      const add = (await kaje.registry()).find(({ name }) => name === 'add');
      expect(add?.input).to.deep.include({ required: ['a', 'b'] });
      const workers = await eventually(async () => {
        const alive = await kaje.workers();
        return alive.length === 1 ? alive : undefined;
      });
      expect(workers[0]).to.deep.include({ pid: process.pid, stopping: false });
      expect((await kaje.queues()).map(({ name }) => name)).to.deep.equal(['default', 'other']);
    });
  });
});
