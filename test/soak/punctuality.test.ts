/** Due tasks run neither early nor much too late, also when a worker dies. */
import { expect } from 'chai';
import { createKeys } from '../../shared/keys.ts';
import { startTestApi } from '../support/api.ts';
import { endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const SPREAD_S = 20;
const WORKER = ['--tasks', LIFE, '--log-level', 'warn'];

describe('10,000 tasks with countdowns over 20 s on three workers, one of them killed', () => {
  it('all run, none early, and 99 of 100 within half a second', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    const keys = createKeys(api.config.prefix);
    const [doomed] = await Promise.all([
      runWorkerProcess(api.config, [...WORKER, '--name', 'doomed']),
      runWorkerProcess(api.config, [...WORKER, '--name', 'two']),
      runWorkerProcess(api.config, [...WORKER, '--name', 'three']),
    ]);
    const from = Date.now() + 5000;
    const dueAt = times(10_000, (i) => from + Math.floor((i * SPREAD_S * 1000) / 10_000));
    const ids = await sendAll(
      api,
      dueAt.map((ms) => ({
        name: 'stamp',
        kwargs: { key: 'due' },
        eta: new Date(ms).toISOString(),
      })),
    );
    const runsKey = `${api.config.prefix}.runs:due`;
    await eventually(async () => (await redis.llen(runsKey)) > 3000);
    // Frozen first: what it holds cannot change between the look and the kill.
    doomed.child.kill('SIGSTOP');
    const active = await redis.lrange(`${keys.queueBase('default')}active`, 0, -1);
    const by = await Promise.all(active.map((id) => redis.hget(keys.job('default', id), 'pb')));
    const held = new Set(active.filter((_, i) => by[i] === 'doomed'));
    doomed.child.kill('SIGKILL');

    const records = await endOf(api, ids, 60_000);
    expect(records.every(({ successful }) => successful)).to.equal(true);
    const due = new Map(ids.map((id, i) => [id, dueAt[i] ?? 0]));
    const runs = (await redis.lrange(runsKey, 0, -1)).map((entry) => entry.split(' '));
    const lateness = runs
      .filter(([id = '']) => !held.has(id))
      .map(([id = '', at]) => Number(at) - (due.get(id) ?? 0))
      .sort((a, b) => a - b);
    expect(lateness.length).to.equal(10_000 - held.size);
    expect(lateness[0], 'the earliest').to.be.at.least(0);
    expect(lateness[Math.floor(lateness.length * 0.99)], 'the 99th of 100').to.be.lessThan(500);
  });
});
