/** Removals that come late: what is there by then, under the same id, stays. */
import { expect } from 'chai';
import { TaskNotFoundError, WrongStateError } from '../../../shared/errors.ts';
import { errorOf } from '../../client/connect.ts';
import { countWaiting, messageOf, startTestBroker } from '../../support/broker.ts';
import { startHeldBroker } from '../../support/held.ts';
import type { TestBroker } from '../../support/places.ts';
import { endStored } from '../../support/stored.ts';

const stateOf = async ({ broker }: TestBroker, id: string) =>
  (await broker.read([id]))[0]?.result.state;

/** A task that has ended a second ago. */
async function endedTask(resultExpires: number, traceback?: string): Promise<TestBroker> {
  const test = await startTestBroker();
  const body = { kwargs: {}, result_expires: resultExpires };
  await test.broker.add([messageOf('a', { body })]);
  await endStored(test, 'a', { at: Date.now() - 1000, ...(traceback ? { traceback } : {}) });
  return test;
}

describe('the removal of an expired result', () => {
  it('leaves a new task alone that was sent under its id meanwhile', async () => {
    const test = await endedTask(0.5);
    // The first script reads.
    const slow = await startHeldBroker(test.config, 'a', 2);
    const reading = slow.broker.read(['a']);
    await slow.isHeld;
    expect(await test.broker.read(['a'])).to.deep.equal([null]);
    await test.broker.add([messageOf('a')]);
    slow.letGo();
    expect(await reading).to.deep.equal([null]);
    expect(await stateOf(test, 'a')).to.equal('PENDING');
    expect(await countWaiting(test.broker, 'default')).to.equal(1);
  });

  it('is not up to the clock of who reads it', async () => {
    const test = await endedTask(60);
    const now = () => Date.now() + 600_000;
    const { broker: ahead } = await startTestBroker(test.config, { now });
    const [record] = await ahead.read(['a']);
    expect(record?.result.state).to.equal('SUCCESS');
    expect(await stateOf(test, 'a')).to.equal('SUCCESS');
  });

  it('leaves nothing of it', async () => {
    const test = await endedTask(0.5);
    await test.redis.rpush(test.keys.logs('default', 'a'), '{}');
    expect(await test.broker.read(['a'])).to.deep.equal([null]);
    expect(await test.redis.keys(`${test.keys.job('default', 'a')}*`)).to.deep.equal([]);
    expect(await test.redis.zcard(test.keys.finished('default', true))).to.equal(0);
  });
});

describe('a task that one forgets and another retries', () => {
  it('stays when the retry was first, and the other is told that it is not ready', async () => {
    const test = await endedTask(60, 'E: no');
    const slow = await startHeldBroker(test.config, 'a', 2);
    const forgetting = errorOf(slow.broker.forget('a'));
    await slow.isHeld;
    expect(await test.broker.retry('a')).to.include({ state: 'PENDING' });
    slow.letGo();
    expect(await forgetting).to.be.instanceOf(WrongStateError);
    expect(await stateOf(test, 'a')).to.equal('PENDING');
    expect(await countWaiting(test.broker, 'default')).to.equal(1);
  });

  it('is gone when the other was first, and the retry finds none', async () => {
    const test = await endedTask(60, 'E: no');
    // Behind the read and the script that takes its marks away.
    const slow = await startHeldBroker(test.config, 'a', 3);
    const retrying = errorOf(slow.broker.retry('a'));
    await slow.isHeld;
    await test.broker.forget('a');
    slow.letGo();
    expect(await retrying).to.be.instanceOf(TaskNotFoundError);
    expect(await countWaiting(test.broker, 'default')).to.equal(0);
  });

  it('is not taken away from a worker that is just filing it', async () => {
    const test = await startTestBroker();
    const { broker, redis, keys } = test;
    await broker.add([messageOf('a')]);
    await broker.revoke('a', false);
    // As worker/unrun.ts holds it.
    await redis.set(`${keys.job('default', 'a')}:lock`, 'of a worker', 'PX', 60_000);
    expect(await errorOf(broker.forget('a'))).to.be.instanceOf(WrongStateError);
    expect(await redis.exists(keys.job('default', 'a'))).to.equal(1);
    await redis.del(`${keys.job('default', 'a')}:lock`);
    await broker.forget('a');
    expect(await redis.exists(keys.job('default', 'a'))).to.equal(0);
  });
});
