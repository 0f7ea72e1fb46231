/** Tasks that end their workers: what they cost, and what becomes of those beside them. More in test/soak. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { countStates, endOf, sendAll, times } from '../support/batches.ts';
import { ARGS, expectOneLost, good, pill, runsOf } from '../support/poison.ts';
import { keepWorker } from '../support/restarts.ts';

describe('19 tasks beside one that ends their worker, which is started again each time', () => {
  it('end SUCCESS; the other costs three runs and one worker', () =>
    expectOneLost('timer', /3 times; .*in a timer/)).timeout(280_000);
});

describe('tasks beside one that ends their worker', () => {
  it('end SUCCESS in another queue of the same worker, in threads and processes, and with an input of classes', async () => {
    const api = await startTestApi();
    const worker = await keepWorker(api.config, [...ARGS, '--queues', 'default,mail']);
    const ids = await sendAll(api, [
      pill('kill'),
      ...times(3, () => good(2000, 'poison', { queue: 'mail' })),
      ...times(2, () => good(2000, 'poison_thread')),
      ...times(2, () => good(2000, 'poison_process')),
      { name: 'classy', kwargs: { ms: 2000, cents: 250 } },
    ]);
    const records = await endOf(api, ids, 120_000);
    expect(countStates(records)).to.deep.equal({ FAILURE: 1, SUCCESS: 8 });
    expect(records.at(-1)).to.include({ result: '2.5' });
    expect(worker.ends).to.have.length(1);
  }).timeout(150_000);

  it('are FAILURE at once only where they may run once and had begun', async () => {
    const api = await startTestApi();
    await keepWorker(api.config, [...ARGS, '--concurrency', '3']);
    const ids = await sendAll(api, [
      good(2000, 'poison_once'),
      good(2000, 'poison_once'),
      pill('exit'),
      good(100, 'poison_once'),
    ]);
    const records = await endOf(api, ids, 120_000);
    expect(records.map(({ state }) => state)).to.deep.equal([
      'FAILURE',
      'FAILURE',
      'FAILURE',
      'SUCCESS',
    ]);
    expect([...(await runsOf(api, 'good')).values()]).to.deep.equal([1, 1, 1]);
  }).timeout(150_000);
});
