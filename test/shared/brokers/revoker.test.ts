import { expect } from 'chai';
import { TaskNotFoundError, WrongStateError } from '../../../shared/errors.ts';
import { revokeTask } from '../../../shared/scripts.ts';
import { TaskExpired } from '../../../shared/taskErrors.ts';
import { errorOf } from '../../client/connect.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { file, LOST, running, type TestBroker, takeOut, WAITING } from '../../support/places.ts';
import { endStored } from '../../support/stored.ts';

const resultOf = async ({ broker }: TestBroker, id: string) => (await broker.read([id]))[0]?.result;
const isRefused = (error: unknown, state: string) => {
  expect(error).to.be.instanceOf(WrongStateError);
  expect(error).to.have.property('message').that.contains(`is ${state}`);
};

for (const [place, put] of Object.entries(WAITING)) {
  describe(`a task that is ${place}`, () => {
    const hasFailed = /retried/.test(place);

    it('is REVOKED at once and for good, with what it was before', async () => {
      const test = await startTestBroker();
      await put(test, 'a');
      const before = await resultOf(test, 'a');
      const revoked = await test.broker.revoke('a', false);
      expect(revoked).to.include({ state: 'REVOKED', ready: true, successful: false });
      expect(revoked).to.include({ failed: false, result: null, worker: null, runtime: null });
      expect(revoked.error).to.include({
        ...{ type: 'TaskRevokedError', message: 'The task was revoked' },
      });
      expect(revoked.retries)
        .to.equal(before?.retries)
        .and.equal(hasFailed ? 1 : 0);
      expect(Date.parse(revoked.date_done ?? '')).to.be.closeTo(Date.now(), 10_000);
      expect(await resultOf(test, 'a')).to.deep.equal(revoked);
      isRefused(await errorOf(test.broker.revoke('a', false)), 'REVOKED');
      isRefused(await errorOf(test.broker.revoke('a', true)), 'REVOKED');
      expect(await resultOf(test, 'a')).to.deep.equal(revoked);
      const attempts = (await test.broker.attempts('a')).map(({ error }) => error.message);
      expect(attempts).to.deep.equal(hasFailed ? ['no'] : []);
    });

    it('is the same when its queue is purged', async () => {
      const test = await startTestBroker();
      await put(test, 'a');
      const revoked = await test.broker.revoke('a', false);
      expect(await test.broker.purge('default')).to.equal(0);
      if (place.startsWith('lost')) return;
      expect(await resultOf(test, 'a')).to.deep.equal(revoked);
      const [queue] = await test.broker.queues();
      expect(queue).to.include({ waiting: 0, delayed: 0, failed: 1 });
    });

    it('is brought back by an operator, as if it had never run', async () => {
      const test = await startTestBroker();
      await put(test, 'a');
      await test.broker.revoke('a', true);
      expect(await test.broker.retry('a')).to.include({
        ...{ state: 'PENDING', ready: false, retries: 0, error: null, date_done: null },
      });
      isRefused(await errorOf(test.broker.retry('a')), 'PENDING');
      const base = test.keys.queueBase('default');
      const [ready, urgent, active] = await Promise.all([
        test.redis.lrange(`${base}wait`, 0, -1),
        test.redis.zrange(`${base}prioritized`, '0', '-1'),
        test.redis.lrange(`${base}active`, 0, -1),
      ]);
      // Of a lost one, whoever looks for lost ones puts it into the queue.
      expect([...ready, ...urgent, ...active]).to.deep.equal(['a']);
      const marks = await test.redis.hmget(test.keys.job('default', 'a'), 'defa', 'deferred');
      expect(marks).to.deep.equal([null, null]);
      expect((await test.broker.revoke('a', false)).state).to.equal('REVOKED');
    });

    it('is forgotten without a trace once it is REVOKED', async () => {
      const test = await startTestBroker();
      await put(test, 'a');
      await test.broker.revoke('a', false);
      await test.broker.forget('a');
      expect(await resultOf(test, 'a')).to.equal(undefined);
      const base = test.keys.queueBase('default');
      const left = await test.redis.keys(`${base}*`);
      expect(left.filter((key) => !/:(meta|id|events|marker|pc)$/.test(key))).to.deep.equal([]);
    });
  });
}

for (const [place, put] of Object.entries(LOST)) {
  describe(`a task that is ${place}, before a worker has filed it`, () => {
    it('has not ended, and can still be revoked', async () => {
      const test = await startTestBroker();
      await put(test, 'a');
      expect(await resultOf(test, 'a')).to.include({ state: 'PENDING', ready: false });
      isRefused(await errorOf(test.broker.retry('a')), 'PENDING');
      isRefused(await errorOf(test.broker.forget('a')), 'PENDING');
      const revoked = await test.broker.revoke('a', false);
      expect(revoked).to.include({ state: 'REVOKED', ready: true });
      isRefused(await errorOf(test.broker.revoke('a', true)), 'REVOKED');
      await test.broker.forget('a');
      expect(await resultOf(test, 'a')).to.equal(undefined);
    });

    it('is not taken for one that has never begun when its time is over', async () => {
      const test = await startTestBroker();
      await put(test, 'a', { expires: Date.now() - 1 });
      const bases = [test.keys.queueBase('default')];
      const error = new TaskExpired();
      await revokeTask(test.redis, bases, { id: 'a', mode: 'overdue', error });
      expect(await resultOf(test, 'a')).to.include({ state: 'PENDING', error: null });
    });

    it('can be revoked no more while a worker files it', async () => {
      const test = await startTestBroker();
      await put(test, 'a');
      await takeOut(test, 'a');
      isRefused(await errorOf(test.broker.revoke('a', false)), 'PENDING');
      await file(test, 'a');
      const failed = await resultOf(test, 'a');
      expect(failed).to.include({ state: 'FAILURE', ready: true });
      expect(failed?.date_done).not.to.equal(null);
    });
  });
}

describe('a task that is revoked in the wait list', () => {
  it('stays what it is while a worker takes it out, and afterwards', async () => {
    const test = await startTestBroker();
    const [from = async () => undefined] = [WAITING['to be retried now']];
    await from(test, 'a', { tags: ['t'] });
    const revoked = await test.broker.revoke('a', false);
    await takeOut(test, 'a');
    expect(await resultOf(test, 'a')).to.deep.equal(revoked);
    isRefused(await errorOf(test.broker.revoke('a', false)), 'REVOKED');
    isRefused(await errorOf(test.broker.revoke('a', true)), 'REVOKED');
    const tagged = { tag: 't', terminate: true };
    expect(await test.broker.revokeMany(tagged)).to.include({ revoked: 0, running: 0 });
    expect(await resultOf(test, 'a')).to.deep.equal(revoked);
    await file(test, 'a');
    expect(await resultOf(test, 'a')).to.deep.equal(revoked);
    expect(await test.broker.attempts('a')).to.have.length(1);
  });

  for (const [what, isOver] of [
    ['retried', false],
    ['forgotten', true],
  ] as const) {
    it(`may be ${what} also while a worker files it`, async () => {
      const test = await startTestBroker();
      await test.broker.add([{ ...message, id: 'a' }]);
      await test.broker.revoke('a', false);
      await takeOut(test, 'a');
      const done = isOver ? test.broker.forget('a') : test.broker.retry('a');
      // Behind its first look, on the same connection.
      for (let looks = 0; looks < 3; looks++) await resultOf(test, 'a');
      await file(test, 'a');
      await done;
      const after = await resultOf(test, 'a');
      expect(after?.state).to.equal(isOver ? undefined : 'PENDING');
    });
  }
});

describe('a task that runs', () => {
  it('is told to stop and goes on', async () => {
    const test = await startTestBroker();
    await running(test, 'a');
    const before = await resultOf(test, 'a');
    expect(await test.broker.revoke('a', false)).to.deep.equal(before);
    expect(before).to.include({ state: 'STARTED', worker: 'w1' });
    expect(await test.broker.revoke('a', false)).to.include({ state: 'STARTED' });
    isRefused(await errorOf(test.broker.retry('a')), 'STARTED');
    isRefused(await errorOf(test.broker.forget('a')), 'STARTED');
  });

  it('is REVOKED at once when it is to be terminated, told to stop before or not', async () => {
    for (const isTold of [false, true]) {
      const test = await startTestBroker();
      await running(test, 'a');
      const before = await resultOf(test, 'a');
      if (isTold) await test.broker.revoke('a', false);
      const revoked = await test.broker.revoke('a', true);
      expect(revoked).to.include({ state: 'REVOKED', ready: true, worker: 'w1', retries: 0 });
      expect(revoked.started_at).to.equal(before?.started_at);
      expect(revoked.runtime).to.be.within(1, 30);
      expect(revoked.error?.type).to.equal('TaskRevokedError');
      expect(await resultOf(test, 'a')).to.deep.equal(revoked);
      isRefused(await errorOf(test.broker.revoke('a', true)), 'REVOKED');
      const [queue] = await test.broker.queues();
      expect(queue).to.include({ active: 0, waiting: 0, failed: 1 });
      expect(await test.broker.retry('a')).to.include({ state: 'PENDING', retries: 0 });
      expect((await test.broker.queues())[0]).to.include({ active: 0, waiting: 1, failed: 0 });
    }
  });
});

describe('what cannot be revoked', () => {
  it('has ended', async () => {
    const test = await startTestBroker();
    await test.broker.add([
      { ...message, id: 'good' },
      { ...message, id: 'bad' },
    ]);
    await endStored(test, 'good', { at: Date.now() });
    await endStored(test, 'bad', { at: Date.now(), traceback: 'E: no' });
    for (const terminate of [false, true]) {
      isRefused(await errorOf(test.broker.revoke('good', terminate)), 'SUCCESS');
      isRefused(await errorOf(test.broker.revoke('bad', terminate)), 'FAILURE');
    }
  });

  it('is unknown, also by the names of keys that are no tasks', async () => {
    const test = await startTestBroker();
    await running(test, 'a');
    await test.broker.add([
      { ...message, id: 'b', body: { kwargs: {}, eta: Date.now() + 60_000 } },
    ]);
    for (const id of ['nobody', 'a:lock', 'wait', 'active', 'meta', 'delayed', 'events', '']) {
      expect(await errorOf(test.broker.revoke(id, true)), id).to.be.instanceOf(TaskNotFoundError);
    }
    expect((await test.broker.queues())[0]).to.include({ active: 1, delayed: 1 });
  });
});

describe('the result of a task that was revoked before its start', () => {
  it('is kept as long as its call says, also longer than others', async () => {
    const test = await startTestBroker();
    const body = { kwargs: { result_expires: 3 }, result_expires: 2 * 86_400 };
    const eta = Date.now() + 60_000;
    await test.broker.add([
      { ...message, id: 'long', body: { ...body, eta } },
      { ...message, id: 'usual', body: { kwargs: { result_expires: 3 }, eta } },
    ]);
    const now = Date.now();
    for (const id of ['long', 'usual']) await test.broker.revoke(id, false);
    const filedAt = async (id: string) =>
      Number(await test.redis.zscore(test.keys.finished('default', false), id));
    expect(await filedAt('long')).to.be.closeTo(now + 86_400_000, 10_000);
    expect(await filedAt('usual')).to.be.closeTo(now, 10_000);
  });

  it('is gone when that time is over, though nobody has taken it out', async () => {
    const test = await startTestBroker();
    const body = { kwargs: {}, result_expires: 0.2 };
    await test.broker.add([{ ...message, id: 'a', body }]);
    await test.broker.revoke('a', false);
    await eventually(async () => (await resultOf(test, 'a')) === undefined);
    expect((await test.broker.queues())[0]).to.include({ waiting: 0 });
  });
});

const message = { name: 'add', queue: 'default', sentAt: 1000, body: { kwargs: {} } };

describe('a task that is revoked after many runs', () => {
  it('keeps the tracebacks of the last ten', async () => {
    const test = await startTestBroker();
    const { broker, redis, keys } = test;
    // Filed at once; one that can be taken is filed by the worker that takes it.
    await broker.add([messageOf('a', { body: { kwargs: {}, eta: Date.now() + 60_000 } })]);
    const before = Array.from({ length: 10 }, (_, i) => `Error: run ${i + 1}`);
    const job = keys.job('default', 'a');
    await redis.hset(job, { ats: 10, atm: 10, stacktrace: JSON.stringify(before) });
    await broker.revoke('a', false);
    const kept: string[] = JSON.parse((await redis.hget(job, 'stacktrace')) ?? '');
    expect(kept).to.have.length(10);
    expect(kept.slice(0, 9)).to.deep.equal(before.slice(1));
    expect(kept[9]).to.match(/^UnrecoverableError: /);
  });
});
