import { expect } from 'chai';
import { createConsumer } from '../../worker/consumer.ts';
import { createFleet, type Fleet, type QueueChoice } from '../../worker/fleet.ts';
import { hold } from '../fixtures/quick.ts';
import { countWaiting, messageOf, startTestBroker } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testTools } from '../support/tools.ts';

interface Given {
  readonly queues?: readonly QueueChoice[];
  readonly concurrency?: number;
}

/** A fleet of real consumers of the task `hold`. */
async function startFleet({ queues = [{ name: 'default' }], concurrency = 2 }: Given = {}) {
  const test = await startTestBroker();
  const tools = testTools(test.config, [hold]);
  let changes = 0;
  const fleet = createFleet({
    queues,
    concurrency,
    create: (queue, count) => createConsumer({ queue, concurrency: count, tools }),
    changed: () => void changes++,
  });
  defer(() => fleet.stop(AbortSignal.abort()));
  fleet.start();
  let sent = 0;
  const send = async (queue: string, ms = 60_000): Promise<string> => {
    const id = `${queue}-${++sent}`;
    await test.broker.add([messageOf(id, { name: 'hold', queue, body: { kwargs: { ms } } })]);
    return id;
  };
  return { ...test, fleet, send, changes: () => changes };
}

const namesOf = (fleet: Fleet) =>
  Object.fromEntries(fleet.queues().map(({ name, concurrency }) => [name, concurrency]));

describe('the consumers of a worker', () => {
  it('are one for each queue, with its own number of slots if given', async () => {
    const queues = [{ name: 'default' }, { name: 'mail', concurrency: 5 }, { name: 'default' }];
    const { fleet } = await startFleet({ queues });
    expect(namesOf(fleet)).to.deep.equal({ default: 2, mail: 5 });
    expect(fleet.consumers).to.have.length(2);
  });

  it('can be added while they run; one that is there is only resized', async () => {
    const { fleet, send, changes } = await startFleet();
    const before = changes();
    fleet.add('late');
    fleet.add('late', 7);
    fleet.add('late');
    expect(namesOf(fleet)).to.deep.equal({ default: 2, late: 7 });
    expect(changes()).to.be.greaterThan(before);
    await send('late');
    await eventually(() => fleet.active() === 1);
  });

  it('takes nothing more of a cancelled queue, and is gone when what runs has ended', async () => {
    const { fleet, send, broker } = await startFleet();
    await send('default', 400);
    await eventually(() => fleet.active() === 1);
    fleet.cancel('default');
    await send('default');
    expect(namesOf(fleet)).to.deep.equal({ default: 2 });
    expect(fleet.taking).to.deep.equal([]);
    await eventually(() => fleet.consumers.length === 0);
    expect(namesOf(fleet)).to.deep.equal({});
    expect(await countWaiting(broker, 'default')).to.equal(1);
    expect(fleet.totals()).to.include({ succeeded: 1, failed: 0 });
  });

  it('takes a queue again that was cancelled, while old tasks of it still run', async () => {
    const { fleet, send } = await startFleet();
    await send('default');
    await eventually(() => fleet.active() === 1);
    fleet.cancel('default');
    fleet.add('default', 3);
    expect(namesOf(fleet)).to.deep.equal({ default: 3 });
    await send('default');
    await eventually(() => fleet.active() === 2);
    expect(fleet.totals().fetched).to.equal(2);
  });

  it('puts back at the stop also what a cancelled consumer still runs', async () => {
    const { fleet, send, broker } = await startFleet();
    const id = await send('default');
    await eventually(() => fleet.active() === 1);
    fleet.cancel('default');
    await fleet.stop(AbortSignal.abort());
    expect((await broker.read([id]))[0]?.result.state).to.equal('PENDING');
  });

  it('grows at once, although all its slots are busy', async () => {
    const { fleet, send } = await startFleet({ concurrency: 1 });
    for (let i = 0; i < 3; i++) await send('default');
    await eventually(() => fleet.active() === 1);
    fleet.resize(2);
    await eventually(() => fleet.active() === 3);
  });

  it('shrinks as tasks end, one queue or all, and keeps one slot of each', async () => {
    const queues = [{ name: 'default', concurrency: 3 }, { name: 'mail' }];
    const { fleet, send } = await startFleet({ queues });
    for (let i = 0; i < 3; i++) await send('default', 300);
    await eventually(() => fleet.active() === 3);
    fleet.resize(-2, 'default');
    expect(namesOf(fleet)).to.deep.equal({ default: 1, mail: 2 });
    for (let i = 0; i < 3; i++) await send('default');
    await eventually(() => fleet.totals().succeeded === 3);
    await eventually(() => fleet.active() === 1);
    fleet.resize(-9);
    expect(namesOf(fleet)).to.deep.equal({ default: 1, mail: 1 });
    expect(fleet.active()).to.equal(1);
  });

  it('refuses what it cannot do, and changes nothing then', async () => {
    const { fleet } = await startFleet({ queues: [{ name: 'default' }, { name: 'mail' }] });
    expect(() => fleet.cancel('mai')).to.throw('does not consume "mai" - did you mean "mail"?');
    expect(() => fleet.resize(1, 'x')).to.throw('does not consume "x"');
    fleet.resize(9000, 'mail');
    expect(() => fleet.resize(9000)).to.throw('expected at most 10000 tasks');
    expect(() => fleet.add('new', 10_001)).to.throw('expected at most 10000 tasks');
    expect(namesOf(fleet)).to.deep.equal({ default: 2, mail: 9002 });
    const stopped = fleet.stop(AbortSignal.abort());
    for (const change of [
      () => fleet.add('late'),
      () => fleet.cancel('mail'),
      () => fleet.resize(1),
    ]) {
      expect(change).to.throw('it is stopping');
    }
    await stopped;
  });
});
