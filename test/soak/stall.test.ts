/** What a task does to its worker: blocks its loop, fails without end. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startTestApi, type TestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE];

describe('a worker that a task blocks for longer than its locks last', () => {
  /** A worker `blocked` that runs tasks which wait and one that blocks it, and another worker. */
  const start = async (env: NodeJS.ProcessEnv = {}) => {
    const api = await startTestApi();
    const redis = testRedis();
    const blocked = await runWorkerProcess(api.config, [...WORKER, '--name', 'blocked'], env);
    const others = await sendAll(
      api,
      times(5, () => ({ name: 'deaf', kwargs: { ms: 3000 } })),
    );
    const runs = (name: string) => redis.llen(`${api.config.prefix}.runs:${name}`);
    await eventually(async () => (await runs('deaf')) === 5);
    const folder = await mkdtemp(join(tmpdir(), 'kaje-stall-'));
    defer(() => rm(folder, { recursive: true }));
    const until = join(folder, 'go-on');
    const [id = ''] = await sendAll(api, [{ name: 'block', kwargs: { until } }]);
    await eventually(async () => (await runs('block')) === 1);
    await runWorkerProcess(api.config, [...WORKER, '--name', 'heir', '--log-level', 'warn']);
    const goOn = () => writeFile(until, '');
    defer(goOn);
    return { api, blocked, ids: [id, ...others], runs, goOn };
  };
  const lagOf = async (api: TestApi, worker: string): Promise<number> => {
    const { body } = await api.get('/v1/workers');
    return body.workers.find(({ id }: { id: string }) => id === worker)?.loop_lag_ms ?? 0;
  };

  it('keeps that task and all others: each runs once, none fails; the stall is told and shown', async () => {
    const { api, blocked, ids, runs, goOn } = await start();
    // Locks last 7 s, heartbeats 10 s; the other worker has looked for what is lost meanwhile.
    const before = await lagOf(api, 'blocked');
    await eventually(async () => (await lagOf(api, 'blocked')) > before + 12_000, 60_000);
    expect(blocked.output()).to.match(/"blocked_s":\d+,"tasks":\["block"/);
    await goOn();
    const records = await endOf(api, ids, 60_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 6 });
    expect(new Set(records.map(({ worker }) => worker))).to.deep.equal(new Set(['blocked']));
    expect([await runs('block'), await runs('deaf')]).to.deep.equal([1, 5]);
    expect(blocked.output()).to.match(/"loop_lag_ms":\d{5},"tasks":\[[^\]]*"block"/);
  }).timeout(180_000);

  it('lets them go at the limit of stalls: the other worker runs each in a process of its own', async () => {
    const { api, blocked, ids, runs, goOn } = await start({ KAJE_STALL_LIMIT: '1' });
    await eventually(async () => (await runs('block')) === 2, 60_000);
    // The loop of the heir turns, though the task spins there as well.
    await endOf(api, ids.slice(1), 60_000);
    expect(blocked.output()).to.contain('other workers take its tasks');
    await goOn();
    const records = await endOf(api, ids, 60_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 6 });
    expect(new Set(records.map(({ worker }) => worker))).to.deep.equal(new Set(['heir']));
    expect([await runs('block'), await runs('deaf')]).to.deep.equal([2, 10]);
  }).timeout(240_000);
});

describe('5,000 tasks that fail', () => {
  /** Megabytes that are held, not what the heap has ever grown to. */
  const memoryOf = async (api: TestApi): Promise<number> => {
    const [record] = await endOf(api, await sendAll(api, [{ name: 'memory' }]), 60_000);
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
  });
});
