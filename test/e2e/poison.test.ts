/** Tasks that end their workers: what they cost, and what becomes of those beside them. More in test/soak. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { endOf, sendAll } from '../support/batches.ts';
import { ARGS, expectOneLost, good, pill, runsOf } from '../support/poison.ts';
import { keepWorker } from '../support/restarts.ts';

describe('19 tasks beside one that ends their worker, which is started again each time', () => {
  it('end SUCCESS; the other costs three runs and one worker', () =>
    expectOneLost('timer', /3 times; .*in a timer/)).timeout(280_000);
});

describe('tasks beside one that ends their worker', () => {
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
