/** Limits of starts that are changed while tasks wait for their turn. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { ids, startLife } from '../support/life.ts';
import { dueIn, gatedTask, pacedTask, parked, reserved } from '../support/limited.ts';
import { startTestWorker } from '../support/worker.ts';

describe('a rate limit that is changed at run time', () => {
  const changes: readonly [why: string, rate: string | null, own: string][] = [
    ['made faster', '50/s', '1/h'],
    ['turned off', '0', '1/h'],
  ];
  for (const [why, rate_limit, own] of changes) {
    it(`lets those that wait run, in their order, when it is ${why}`, async () => {
      const life = await startLife();
      const { task, order } = pacedTask(own);
      await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 1 }]);
      await life.send('paced', ids(20));
      await reserved(life, 19);
      await life.once('t00019', ({ eta }) => eta !== null);
      await life.broker.setLimits('paced', { rate_limit });
      await eventually(() => order.length === 20);
      expect(order).to.deep.equal(ids(20));
    });
  }

  it('holds those that wait back when it is made slower, or given back to the task', async () => {
    const life = await startLife();
    const { task, order } = pacedTask('1/h');
    await startTestWorker(life.config, [task]);
    // It holds from here on, whatever a worker has heard of it.
    await life.broker.setLimits('paced', { rate_limit: '10/s' });
    await life.send('paced', ids(30));
    await eventually(() => order.length >= 3);
    await life.broker.setLimits('paced', { rate_limit: null });
    const ran = order.length;
    await sleep(500);
    expect(order.length).to.be.at.most(ran + 1);
    expect(await dueIn(life, 't00029')).to.be.greaterThan(3600);
  });

  it('starts none for being set again', async () => {
    const life = await startLife();
    const { task, order } = pacedTask('1/h');
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(3));
    await reserved(life, 2);
    await life.broker.setLimits('paced', { rate_limit: '1/h' });
    await life.broker.setLimits('paced', { rate_limit: '2/h' });
    await sleep(300);
    expect(order).to.deep.equal(['t00000']);
    expect(await dueIn(life, 't00001')).to.be.within(1700, 1800);
    expect(await dueIn(life, 't00002')).to.be.within(3500, 3600);
  });
});

describe('a limit of runs at once that is changed at run time', () => {
  it('starts more at once, in their order, where it was raised', async () => {
    const life = await startLife();
    const { task, order, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 10 }]);
    await life.send('single', ids(6));
    await parked(life, 5);
    await life.broker.setLimits('single', { max_concurrency: 4 });
    await eventually(() => order.length === 4);
    expect(order).to.deep.equal(ids(4));
    await parked(life, 2);
    for (const id of ids(4)) letGo(id);
    await eventually(() => order.length === 6);
    expect(order).to.have.members(ids(6));
    for (const id of ids(6)) letGo(id);
  });

  it('starts all where it was turned off', async () => {
    const life = await startLife();
    const { task, running, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task]);
    await life.send('single', ids(6));
    await parked(life, 5);
    await life.broker.setLimits('single', { max_concurrency: 0 });
    await eventually(() => running().length === 6);
    for (const id of ids(6)) letGo(id);
  });

  it('ends no run where it was lowered, and starts fewer', async () => {
    const life = await startLife();
    const { task, running, order, letGo } = gatedTask(3);
    await startTestWorker(life.config, [task]);
    await life.send('single', ids(6));
    await parked(life, 3);
    await life.broker.setLimits('single', { max_concurrency: 1 });
    expect(running()).to.have.length(3);
    for (const id of ids(3)) letGo(id);
    await eventually(() => order.length === 4);
    await sleep(200);
    expect(running()).to.deep.equal(['t00003']);
    for (const id of ids(4).slice(3)) letGo(id);
    await eventually(() => order.length === 5);
    letGo('t00004');
  });
});
