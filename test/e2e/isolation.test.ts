/** Tasks in threads and processes: killed in time, and their crashes are theirs alone. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE, '--log-level', 'warn'];

for (const kind of ['thread', 'process'] as const) {
  describe(`a busy loop in a ${kind}`, () => {
    it('ends at its hard limit, and the next task of its slot runs at once', async () => {
      const api = await startTestApi();
      const queues = ['--queues', 'default:1'];
      await runWorkerProcess(api.config, [...WORKER, ...queues, '--name', 'one']);
      const name = `spin_${kind}`;
      const children = async () =>
        (await api.get('/v1/inspect/stats')).body.workers.one?.children[kind];
      await eventually(async () => (await children())?.idle === 1);
      const ids = await sendAll(api, [
        { name, time_limit: 3 },
        { name, kwargs: { ms: 10 } },
        // More than there are children: each can only start where an earlier one was ended.
        ...times(3, () => ({ name, time_limit: 1 })),
      ]);
      await eventually(async () => (await children())?.busy === 1);
      const [loop, next, ...loops] = await endOf(api, ids, 60_000);
      for (const { error } of loops) expect(error?.type).to.equal('TimeLimitExceeded');
      await eventually(async () => (await children())?.busy === 0);
      expect(loop).to.include({ state: 'FAILURE' });
      expect(loop?.error?.type).to.equal('TimeLimitExceeded');
      expect(loop?.runtime).to.be.within(3, 6);
      expect(next).to.include({ state: 'SUCCESS' });
      const pause = Date.parse(next?.started_at ?? '') - Date.parse(loop?.date_done ?? '');
      expect(pause).to.be.lessThan(2000);
    });

    it('leaves the other tasks of the worker undisturbed', async () => {
      const api = await startTestApi();
      await runWorkerProcess(api.config, [...WORKER, '--queues', 'default:10']);
      const loops = await sendAll(
        api,
        times(3, () => ({ name: `spin_${kind}` })),
      );
      const others = await sendAll(
        api,
        times(200, () => ({ name: `in_${kind}` })),
      );
      expect(countStates(await endOf(api, others, 60_000))).to.deep.equal({ SUCCESS: 200 });
      const ended = await endOf(api, loops, 60_000);
      const errors = ended.map(({ error }) => error?.type);
      expect(errors).to.deep.equal(times(3, () => 'TimeLimitExceeded'));
    });
  });
}

describe('a worker that is killed', () => {
  it('leaves no process behind, not even one in a busy loop', async () => {
    const api = await startTestApi();
    const redis = testRedis();
    const worker = await runWorkerProcess(api.config, WORKER);
    await sendAll(api, [{ name: 'spins_on' }]);
    const key = `${api.config.prefix}.runs:spins`;
    const pid = await eventually(
      async () => Number(await redis.lindex(key, 0)) || undefined,
      20_000,
    );
    expect(isAlive(pid)).to.equal(true);
    worker.child.kill('SIGKILL');
    await eventually(() => !isAlive(pid));
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
