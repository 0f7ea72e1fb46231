/** What a task does to its worker: blocks its loop, fails without end. */
import { expect } from 'chai';
import { startTestApi, type TestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE];

describe('a worker that a task blocks for longer than its locks last', () => {
  const BLOCKED_MS = 15_000;

  /** A worker `blocked` that runs tasks which wait, one that will block it, and another worker. */
  const start = async (env: NodeJS.ProcessEnv = {}) => {
    const api = await startTestApi();
    const redis = testRedis();
    const blocked = await runWorkerProcess(api.config, [...WORKER, '--name', 'blocked'], env);
    const others = await sendAll(
      api,
      times(5, () => ({ name: 'deaf', kwargs: { ms: 3000 } })),
    );
    const runs = (name: string) => redis.llen(`${api.config.prefix}.runs:${name}`);
    await eventually(async () => (await runs('deaf')) === 5, 20_000);
    const [id = ''] = await sendAll(api, [{ name: 'block', kwargs: { ms: BLOCKED_MS } }]);
    await eventually(async () => (await runs('block')) === 1, 20_000);
    await runWorkerProcess(api.config, [...WORKER, '--name', 'heir', '--log-level', 'warn']);
    return { api, blocked, ids: [id, ...others], runs };
  };

  it('keeps that task and all others: each runs once, none fails; the stall is told and shown', async () => {
    const { api, blocked, ids, runs } = await start();
    await eventually(async () => {
      const { body } = await api.get('/v1/workers');
      return body.workers.some(
        (each: { id: string; loop_lag_ms: number }) =>
          each.id === 'blocked' && each.loop_lag_ms > 5000,
      );
    }, BLOCKED_MS);
    expect(blocked.output()).to.match(/"blocked_s":\d+,"tasks":\["block"/);
    const records = await endOf(api, ids, 60_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 6 });
    expect(new Set(records.map(({ worker }) => worker))).to.deep.equal(new Set(['blocked']));
    expect([await runs('block'), await runs('deaf')]).to.deep.equal([1, 5]);
    expect(blocked.output()).to.match(/"loop_lag_ms":\d{5},"tasks":\[[^\]]*"block"/);
  }).timeout(120_000);

  it('lets them go at the limit of stalls: the other worker runs each in a process of its own', async () => {
    const { api, blocked, ids, runs } = await start({ KAJE_STALL_LIMIT: '1' });
    const records = await endOf(api, ids, 100_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 6 });
    expect(new Set(records.map(({ worker }) => worker))).to.deep.equal(new Set(['heir']));
    expect([await runs('block'), await runs('deaf')]).to.deep.equal([2, 10]);
    expect(blocked.output()).to.contain('other workers take its tasks');
  }).timeout(150_000);
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
