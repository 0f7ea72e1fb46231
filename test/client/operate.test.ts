import { expect } from 'chai';
import {
  CommandRefusedError,
  InvalidRequestError,
  type Kaje,
  KajeError,
  type QueueBody,
} from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, overBothTransports } from './connect.ts';

/** The one worker of the test, once its heart beats. */
const workerOf = (kaje: Pick<Kaje, 'workers'>) =>
  eventually(async () => (await kaje.workers())[0]?.id);

const isNotFound = (error: unknown, message: RegExp) => {
  expect(error).to.be.instanceOf(KajeError).with.property('code', 'NOT_FOUND');
  expect(error).to.have.property('message').that.matches(message);
};

describe('the operation of a cluster', () => {
  overBothTransports((connect) => {
    it('asks workers and names those that are silent', async () => {
      const { kaje } = await connect();
      const worker = await workerOf(kaje);
      const answer = { command: 'ping', workers: { [worker]: 'pong' }, missing: [] };
      expect(await kaje.inspect('ping')).to.deep.equal(answer);
      expect(await kaje.inspect('ping', { workers: [worker], timeout: 30 })).to.deep.equal(answer);
      expect((await kaje.inspect('reserved')).workers).to.deep.equal({ [worker]: [] });
    });

    it('asks nobody when no worker is named, but checks what was to be asked', async () => {
      const { kaje } = await connect();
      await workerOf(kaje);
      const nobody = { workers: [] };
      const answer = { command: 'ping', workers: {}, missing: [] };
      expect(await kaje.inspect('ping', nobody)).to.deep.equal(answer);
      isNotFound(await errorOf(kaje.inspect('pin' as 'ping', nobody)), /did you mean "ping"\?/);
      const tooLong = await errorOf(kaje.inspect('ping', { workers: [], timeout: 31 }));
      expect(tooLong).to.be.instanceOf(InvalidRequestError);
    });

    it('shows the tasks that run, and those due later', async () => {
      const { kaje } = await connect();
      const worker = await workerOf(kaje);
      const running = await kaje.sendTask('long', { ms: 20_000 }, { tags: ['x'] });
      await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 3600, taskId: 'due' });
      await eventually(async () => (await running.state) === 'PROGRESS');
      const { workers } = await kaje.inspect('active');
      const task = [workers[worker]].flat()[0];
      expect(task).to.deep.include({ task_id: running.id, name: 'long', queue: 'default', worker });
      expect(task).to.deep.include({ args: [], kwargs: { ms: 20_000 }, retries: 0, priority: 5 });
      expect(task).to.include({ run_in: 'main' });
      expect(Date.parse(String(task && 'started_at' in task && task.started_at))).to.be.closeTo(
        Date.now(),
        10_000,
      );
      const due = [(await kaje.inspect('scheduled')).workers[worker]].flat()[0];
      expect(due).to.include({ task_id: 'due', name: 'add', queue: 'default' });
      expect(Date.parse(String(due && 'eta' in due && due.eta))).to.be.closeTo(
        Date.now() + 3_600_000,
        10_000,
      );
    });

    it('refuses unknown commands and workers by name, and times that make no sense', async () => {
      const { kaje } = await connect();
      const worker = await workerOf(kaje);
      const inspect = kaje.inspect('activ' as 'active');
      isNotFound(await errorOf(inspect), /"activ" - did you mean "active"\?/);
      isNotFound(await errorOf(kaje.inspect('ping', { workers: ['w9'] })), /"w9" is alive/);
      const control = kaje.control(worker, 'pool_gro' as 'pool_grow');
      isNotFound(await errorOf(control), /did you mean "pool_grow"/);
      isNotFound(await errorOf(kaje.control('a/b', 'ping')), /"a\/b" is alive/);
      for (const timeout of [0, -1, 31, Number.NaN]) {
        const error = await errorOf(kaje.inspect('ping', { timeout }));
        expect(error).to.be.instanceOf(InvalidRequestError);
      }
    });

    it('tells a worker to change, and says why it refuses', async () => {
      const { kaje } = await connect();
      const worker = await workerOf(kaje);
      expect(await kaje.control(worker, 'ping')).to.equal('pong');
      const grown = await kaje.control(worker, 'pool_grow', { n: 2, queue: 'other' });
      expect(grown).to.deep.equal({
        queues: [
          { name: 'default', concurrency: 20, autoscale: null },
          { name: 'other', concurrency: 22, autoscale: null },
        ],
      });
      const refused = await errorOf(kaje.control(worker, 'cancel_consumer', { queue: 'othe' }));
      expect(refused).to.be.instanceOf(CommandRefusedError);
      expect(refused)
        .to.have.property('message')
        .that.matches(/refused: .*did you mean "other"/);
      const wrong = await errorOf(kaje.control(worker, 'add_consumer', {}));
      expect(wrong).to.be.instanceOf(InvalidRequestError);
      expect(wrong).to.deep.include({
        errors: [{ path: '/queue', message: 'is required by add_consumer' }],
      });
    });

    it('pauses, resumes and purges queues', async () => {
      const { kaje } = await connect();
      const paused: QueueBody = await kaje.pauseQueue('default');
      expect(paused).to.include({ name: 'default', paused: true });
      const waiting = await kaje.sendTask('add', { a: 1, b: 2 });
      await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      expect(await kaje.purgeQueue('default')).to.equal(2);
      expect(await errorOf(waiting.state)).to.have.property('code', 'TASK_NOT_FOUND');
      const next = await kaje.sendTask('add', { a: 1, b: 2 });
      expect(await kaje.resumeQueue('default')).to.include({ paused: false });
      expect(await next.get({ timeout: 10 })).to.equal(3);
      isNotFound(await errorOf(kaje.pauseQueue('defalt')), /"defalt" - did you mean "default"\?/);
      isNotFound(await errorOf(kaje.purgeQueue('x')), /No queue "x"/);
    });
  });
});
