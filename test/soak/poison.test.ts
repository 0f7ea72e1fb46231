/** Tasks that end their workers in every way, and where several do. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { countStates, endOf, sendAll, times } from '../support/batches.ts';
import { ARGS, expectLost, expectOneLost, good, pill, runsOf } from '../support/poison.ts';
import { keepWorker } from '../support/restarts.ts';

describe('19 tasks beside one that ends their worker, which is started again each time', () => {
  const WAYS: Readonly<Record<string, RegExp>> = {
    exit: /3 times; .*exit code 1/,
    abort: /3 times; .*(SIGABRT|abort)/,
    kill: /3 times; .*SIGKILL/,
    memory: /3 times; .*(memory|SIGABRT|SIGTRAP)/,
  };
  for (const [how, says] of Object.entries(WAYS)) {
    it(`end SUCCESS; the other costs three runs and one worker, by ${how}`, () =>
      expectOneLost(how, says)).timeout(280_000);
  }
});

describe('tasks beside one that ends their worker', () => {
  it('end SUCCESS where four such are among many, with two workers', async () => {
    const api = await startTestApi();
    const workers = await Promise.all(
      ['one', 'two'].map((name) => keepWorker(api.config, [...ARGS, '--name', name])),
    );
    const many = (count: number) => times(count, () => good(300));
    const ids = await sendAll(api, times(4, () => [...many(30), pill('kill')]).flat());
    const records = await endOf(api, ids, 500_000);
    const pills = await runsOf(api, 'pill');
    expect(pills.size).to.equal(4);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 120, FAILURE: 4 });
    for (const record of records.filter(({ task_id }) => pills.has(task_id)))
      expectLost(record, /3 times/);
    // No loss is charged to a task that waited beside them: these run three times, whoever else dies.
    expect([...pills.values()]).to.deep.equal([3, 3, 3, 3]);
    expect(workers.flatMap(({ ends }) => ends).length).to.be.within(1, 4);
  }).timeout(600_000);

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

  it('end SUCCESS where it runs in a thread, and takes the whole worker with it', async () => {
    const api = await startTestApi();
    const worker = await keepWorker(api.config, [...ARGS, '--concurrency', '4']);
    const ids = await sendAll(api, [
      ...times(3, () => good(2000, 'poison_thread')),
      pill('kill', 'poison_thread'),
    ]);
    const records = await endOf(api, ids, 120_000);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 3, FAILURE: 1 });
    expect([...(await runsOf(api, 'pill')).values()]).to.deep.equal([3]);
    expect(worker.ends).to.have.length(1);
  }).timeout(150_000);
});
