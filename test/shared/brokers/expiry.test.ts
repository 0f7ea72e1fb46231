import { expect } from 'chai';
import { WrongStateError } from '../../../shared/errors.ts';
import { errorOf } from '../../client/connect.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { startHeldBroker } from '../../support/held.ts';
import { file, running, type TestBroker, takeOut, WAITING } from '../../support/places.ts';

const resultOf = async ({ broker }: TestBroker, id: string) => (await broker.read([id]))[0]?.result;
const past = () => ({ expires: Date.now() - 1000 });
const later = () => ({ expires: Date.now() + 60_000 });

for (const [place, put] of Object.entries(WAITING)) {
  describe(`a task that has expired and is ${place}`, () => {
    it('is REVOKED by whoever reads it, for good', async () => {
      const test = await startTestBroker();
      await put(test, 'a', past());
      const expired = await resultOf(test, 'a');
      expect(expired).to.include({ state: 'REVOKED', ready: true, runtime: null, worker: null });
      expect(expired?.retries).to.equal(/retried/.test(place) ? 1 : 0);
      expect(expired?.error).to.include({
        type: 'TaskExpired',
        message: 'The task was not started before it expired',
      });
      expect(await resultOf(test, 'a')).to.deep.equal(expired);
      expect(await errorOf(test.broker.revoke('a', true))).to.be.instanceOf(WrongStateError);
      const { tasks } = await test.broker.list({ limit: 10 });
      expect(tasks).to.deep.equal([expired]);
    });

    it('waits on as long as it has not', async () => {
      const test = await startTestBroker();
      await put(test, 'a', later());
      expect((await resultOf(test, 'a'))?.ready).to.equal(false);
      const marks = await test.redis.hmget(test.keys.job('default', 'a'), 'defa', 'deferred');
      expect(marks).to.deep.equal([null, null]);
    });

    it('is brought back without its expiry by an operator, for it is to run after all', async () => {
      const test = await startTestBroker();
      await put(test, 'a', { ...past(), kwargs: { expires: 7 }, tags: ['t'] });
      await test.broker.read(['a']);
      const back = await test.broker.retry('a');
      expect(back).to.deep.include({ state: 'PENDING', expires: null, retries: 0 });
      expect(back).to.deep.include({ kwargs: { expires: 7 }, tags: ['t'] });
      expect((await resultOf(test, 'a'))?.state).to.equal('PENDING');
    });
  });
}

describe('a task with an expiry', () => {
  it('that has started in time goes on', async () => {
    const test = await startTestBroker();
    await running(test, 'a', past());
    expect((await resultOf(test, 'a'))?.state).to.equal('STARTED');
    expect(await test.redis.hget(test.keys.job('default', 'a'), 'defa')).to.equal(null);
  });

  it('keeps it when an operator brings it back in time', async () => {
    const test = await startTestBroker();
    const body = { kwargs: {}, ...later() };
    await test.broker.add([messageOf('a', { body })]);
    await test.broker.revoke('a', false);
    const { expires } = await test.broker.retry('a');
    expect(expires).to.equal(new Date(body.expires).toISOString());
  });

  it('that has expired is not REVOKED twice while a worker files it', async () => {
    const test = await startTestBroker();
    await test.broker.add([messageOf('a', { body: { kwargs: {}, ...past() } })]);
    const expired = await resultOf(test, 'a');
    await takeOut(test, 'a');
    expect(await resultOf(test, 'a')).to.deep.equal(expired);
    await file(test, 'a');
    expect(await resultOf(test, 'a')).to.deep.equal(expired);
  });

  it('may be one of thousands that are read at once', async () => {
    const test = await startTestBroker();
    const ids = Array.from({ length: 2000 }, (_, i) => `id-${i}`);
    const bodies = [past(), later()];
    await test.broker.add(
      ids.map((id, i) => messageOf(id, { body: { kwargs: {}, ...bodies[i % 2] } })),
    );
    const states = (await test.broker.read(ids)).map((record) => record?.result.state);
    expect(states).to.deep.equal(ids.map((_, i) => (i % 2 === 0 ? 'REVOKED' : 'PENDING')));
  });

  it('is REVOKED by the clock of Redis, whatever the clock of who reads it', async () => {
    const test = await startTestBroker();
    await test.broker.add([
      messageOf('later', { body: { kwargs: {}, ...later() } }),
      messageOf('past', { body: { kwargs: {}, ...past() } }),
    ]);
    for (const ms of [600_000, -600_000]) {
      const now = () => Date.now() + ms;
      const { broker: wrong } = await startTestBroker(test.config, { now });
      const records = await wrong.read(['later', 'past']);
      const states = records.map((record) => record?.result.state);
      expect(states).to.deep.equal(['PENDING', 'REVOKED']);
      expect(Date.parse(records[1]?.result.date_done ?? '')).to.be.closeTo(Date.now(), 10_000);
    }
  });

  it('waits on when an operator has brought it back since it was read', async () => {
    const test = await startTestBroker();
    await test.broker.add([messageOf('a', { body: { kwargs: {}, ...past() } })]);
    // The first script reads.
    const slow = await startHeldBroker(test.config, 'a', 2);
    const reading = slow.broker.read(['a']);
    await slow.isHeld;
    expect((await resultOf(test, 'a'))?.state).to.equal('REVOKED');
    await test.broker.retry('a');
    slow.letGo();
    expect((await reading)[0]?.result.state).to.equal('PENDING');
    expect((await resultOf(test, 'a'))?.state).to.equal('PENDING');
  });

  it('wakes those who wait for it', async () => {
    const test = await startTestBroker();
    const other = await startTestBroker(test.config);
    await test.broker.add([messageOf('a', { body: { kwargs: {}, ...past() } })]);
    let news = 0;
    defer(await other.broker.listen('a', () => news++));
    await test.broker.read(['a']);
    await eventually(() => news > 0);
  });
});
