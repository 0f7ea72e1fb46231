import { expect } from 'chai';
import { checkWorkers } from '../../../cli/checks.ts';
import { startTestBroker } from '../../support/broker.ts';

describe('the workers of a cluster', () => {
  it('are those whose heartbeat is there, by whatever clock it came', async () => {
    const test = await startTestBroker();
    const { redis, keys, config } = test;
    const behind = Date.now() - 120_000;
    for (const id of ['w2', 'w1']) await redis.set(keys.worker(id), JSON.stringify({ id }));
    await redis.zadd(keys.workers, behind, 'w2', behind, 'w1', Date.now(), 'dead');
    for (const ms of [0, 600_000]) {
      const { broker } = await startTestBroker(config, { now: () => Date.now() + ms });
      expect((await broker.workers()).map(({ id }) => id)).to.deep.equal(['w1', 'w2']);
    }
    const [finding] = await checkWorkers(redis, config);
    expect(finding).to.include({ status: 'ok', found: '2 alive, 0 tasks known' });
  });
});
