/** What a task does to its worker: blocks its loop, fails without end. */
import { expect } from 'chai';
import { startTestApi, type TestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE];

describe('a worker that a task blocks for 10 s', () => {
  it('keeps that task and all others: each runs once, none fails; the stall is told', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    const blocked = await runWorkerProcess(api.config, [...WORKER, '--name', 'blocked']);
    const others = await sendAll(
      api,
      times(5, () => ({ name: 'deaf', kwargs: { ms: 2000 } })),
    );
    const [id = ''] = await sendAll(api, [{ name: 'block', kwargs: { ms: 10_000 } }]);
    const key = (name: string) => `${api.config.prefix}.runs:${name}`;
    await eventually(async () => (await redis.llen(key('block'))) === 1);
    // One that would take over what seems to be lost.
    await runWorkerProcess(api.config, [...WORKER, '--name', 'heir', '--log-level', 'warn']);
    const records = await endOf(api, [id, ...others], 40_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 6 });
    expect(new Set(records.map(({ worker }) => worker))).to.deep.equal(new Set(['blocked']));
    expect(await redis.llen(key('block'))).to.equal(1);
    expect(await redis.llen(key('deaf'))).to.equal(5);
    expect(blocked.output()).to.match(/"loop_lag_ms":(9\d{3}|1\d{4}),"tasks":\[[^\]]*"block"/);
  }).timeout(60_000);
});

describe('5,000 tasks that fail', () => {
  /** Megabytes that are held, not what the heap has ever grown to. */
  const memoryOf = async (api: TestApi): Promise<number> => {
    const [record] = await endOf(api, await sendAll(api, [{ name: 'memory' }]), 10_000);
    return Number(Object(record?.result).held);
  };

  it('leave the memory of their worker as it was after the first 500, give or take 20 MB', async () => {
    const api = await startTestApi();
    await runWorkerProcess(api.config, [...WORKER, '--log-level', 'silent']);
    const fail = async (count: number) => {
      const kwargs = { text: 'and says so. ' };
      const ids = await sendAll(
        api,
        times(count, () => ({ name: 'fails', kwargs })),
      );
      const records = await endOf(api, ids, 60_000);
      expect(countStates(records)).to.deep.equal({ FAILURE: count });
    };
    await fail(500);
    const before = await memoryOf(api);
    await fail(4500);
    expect(await memoryOf(api)).to.be.within(before - 20, before + 20);
  }).timeout(90_000);
});
