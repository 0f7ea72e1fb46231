import { expect } from 'chai';
import { createRedisBroker } from '../../../shared/brokers/redis.ts';
import { WrongStateError } from '../../../shared/errors.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../../../shared/redis.ts';
import { errorOf } from '../../client/connect.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { file, running, type TestBroker, takeOut, WAITING } from '../../support/places.ts';
import { silentLog } from '../../support/redis.ts';

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

  it('is REVOKED for all once it was told so by the fastest of their clocks', async () => {
    const test = await startTestBroker();
    const redis = connectFailingFast(test.config.redisUrl, silentLog());
    const subscriber = connectPatiently(test.config.redisUrl, silentLog());
    const now = () => Date.now() + 600_000;
    const fast = createRedisBroker({ redis, subscriber, prefix: test.config.prefix, now });
    defer(() => fast.close());
    await whenConnected(redis, 5000);
    await test.broker.add([messageOf('a', { body: { kwargs: {}, ...later() } })]);
    expect((await resultOf(test, 'a'))?.state).to.equal('PENDING');
    const [told] = await fast.read(['a']);
    expect(told?.result.state).to.equal('REVOKED');
    expect(await resultOf(test, 'a')).to.deep.equal(told?.result);
    expect(Date.parse(told?.result.date_done ?? '')).to.be.closeTo(now(), 10_000);
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
