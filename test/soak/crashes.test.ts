/** Tasks that crash what they run in, among many that do not. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, sendAll, times } from '../support/batches.ts';
import { runWorkerProcess } from '../support/worker.ts';

const WORKER = ['--tasks', LIFE, '--log-level', 'warn'];

describe('crashes among 1,000 good tasks', () => {
  it('fail for themselves, each with its reason, and all others succeed', async () => {
    const api = await startTestApi();
    const limit = ['--max-memory-per-child', '256', '--concurrency', '4'];
    await runWorkerProcess(api.config, [...WORKER, ...limit]);
    const crashes = [
      { name: 'in_thread', how: 'exit', reason: /code 1/ },
      { name: 'in_process', how: 'exit', reason: /code 1/ },
      { name: 'in_process', how: 'abort', reason: /abort/ },
      { name: 'in_thread', how: 'allocate', reason: /memory/ },
      { name: 'in_process', how: 'allocate', reason: /memory/ },
    ];
    const good = (i: number) => ({ name: i % 2 ? 'in_thread' : 'in_process' });
    const halves = [times(500, good), times(500, good)] as const;
    const bad = crashes.map(({ name, how }) => ({ name, kwargs: { how } }));
    const ids = await sendAll(api, [...halves[0], ...bad, ...halves[1]]);
    const records = await endOf(api, ids, 60_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 1000, FAILURE: 5 });
    const failed = records.slice(500, 505);
    crashes.forEach(({ reason, name, how }, i) => {
      const { error } = failed[i] ?? {};
      expect(error?.type, `${name} ${how}`).to.equal('WorkerLostError');
      expect(error?.message, `${name} ${how}`).to.match(reason);
    });
  });
});
