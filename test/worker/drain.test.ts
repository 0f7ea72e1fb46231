/** A worker that stops takes nothing more, whatever waits. */
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { countWaiting, messageOf, startTestBroker } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { startTestWorker } from '../support/worker.ts';

describe('a consumer that stops', () => {
  it('starts no other fetch loop, though its watchdog may ask for one', async () => {
    const { broker, config } = await startTestBroker();
    const started: string[] = [];
    let finish: () => void = () => undefined;
    const hold = defineTask('hold', {
      async run(_input: object, ctx) {
        started.push(ctx.id);
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      },
    });
    const worker = await startTestWorker(config, [hold], [{ name: 'default', concurrency: 2 }]);
    await broker.add([messageOf('first', { name: 'hold' })]);
    await eventually(() => started.length === 1);
    const [consumer] = worker.consumers;
    const stopped = consumer?.stop(new AbortController().signal);
    await broker.add([messageOf('second', { name: 'hold' })]);
    consumer?.restart();
    // What a new loop would take at once is still there when the old one has ended.
    finish();
    await stopped;
    expect(started).to.deep.equal(['first']);
    expect(await countWaiting(broker, 'default')).to.equal(1);
  });
});

describe('a worker of many queues', () => {
  it('stops without a warning of too many listeners', async () => {
    const { config } = await startTestBroker();
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on('warning', note);
    defer(() => process.off('warning', note));
    const queues = Array.from({ length: 12 }, (_, i) => ({ name: `q${i}` }));
    const worker = await startTestWorker(config, [], queues);
    await worker.stop();
    // Node tells it in the next tick.
    await new Promise(setImmediate);
    expect(warnings).to.deep.equal([]);
  });
});
