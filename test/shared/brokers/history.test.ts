import { expect } from 'chai';
import { TaskNotFoundError } from '../../../shared/errors.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';

describe('what a task leaves behind', () => {
  it('shows lines of other BullMQ programs as they are', async () => {
    const { broker, redis, keys } = await startTestBroker();
    const sentAt = Date.parse('2026-11-22T10:00:00Z');
    await broker.add([messageOf('a', { sentAt })]);
    await redis.rpush(keys.logs('default', 'a'), 'plain text');
    await redis.hset(keys.job('default', 'a'), 'logs', 1);
    const { logs, total } = await broker.logs('a', 0);
    expect(total).to.equal(1);
    expect(logs).to.deep.equal([
      {
        number: 1,
        at: '2026-11-22T10:00:00.000Z',
        level: 'info',
        message: 'plain text',
        fields: {},
        attempt: 1,
      },
    ]);
  });

  it('is found in any queue, and unknown of tasks that are not there', async () => {
    const { broker, redis, keys } = await startTestBroker();
    await broker.add([messageOf('a'), messageOf('b', { queue: 'mail' })]);
    const trace = JSON.stringify(['E: no\n    at x']);
    await redis.hset(keys.job('mail', 'b'), { stacktrace: trace, failedReason: 'no', atm: 1 });
    expect((await broker.attempts('b')).map(({ error }) => error.message)).to.deep.equal(['no']);
    for (const call of [broker.logs('nobody', 0), broker.attempts('nobody')]) {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(TaskNotFoundError);
    }
  });
});
