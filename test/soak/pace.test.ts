/** A rate limit holds over all workers, and holds up nobody else. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE, '--log-level', 'warn'];

describe('a rate limit of 50 a second on four workers', () => {
  it('is kept within 5 % over 20 s, and 1,000 other tasks behind it run at full speed', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    await Promise.all(times(4, () => runWorkerProcess(api.config, WORKER)));
    await sendAll(
      api,
      times(1500, () => ({ name: 'paced' })),
    );
    const others = await sendAll(
      api,
      times(1000, () => ({ name: 'stamp', kwargs: { key: 'others' } })),
    );
    const sentAt = Date.now();
    expect(countStates(await endOf(api, others, 15_000))).to.deep.equal({ SUCCESS: 1000 });
    // At the pace of the limited ones they would take 20 s, behind them 44 s.
    expect(Date.now() - sentAt).to.be.lessThan(10_000);

    // From here on the limited ones have the workers to themselves, and stand in line.
    const from = Date.now();
    const key = `${api.config.prefix}.runs:paced`;
    const starts = async () =>
      (await redis.lrange(key, 0, -1)).map((entry) => Number(entry.split(' ')[1]));
    await eventually(async () => (await starts()).some((at) => at > from + 21_000), 40_000);
    const counted = (await starts()).filter((at) => at >= from && at < from + 20_000).length;
    expect(counted).to.be.within(950, 1050);
  });
});
