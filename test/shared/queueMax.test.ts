/** The maximum length of a queue, that several processes fill at once. */
import { expect } from 'chai';
import { createCatalog } from '../../shared/catalog.ts';
import { QueueFullError } from '../../shared/errors.ts';
import { createProducer } from '../../shared/producer.ts';
import { defineTask } from '../../shared/task.ts';
import { countWaiting, publish, startTestBroker } from '../support/broker.ts';

const run = () => undefined;
const tasks = [
  defineTask('plain', { run }),
  defineTask('urgent', { priority: 9, run }),
  defineTask('other', { queue: 'other', run }),
];
const times = <T>(count: number, make: (i: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

/** Two processes on one Redis. */
async function startTwo(queueMaxLength: number) {
  const one = await startTestBroker();
  await publish(one, tasks);
  const two = await startTestBroker(one.config);
  const producers = [one, two].map(({ broker }) =>
    createProducer({ broker, catalog: createCatalog(broker), queueMaxLength }),
  );
  const stored = () => countWaiting(one.broker, 'default');
  return { ...one, producers, stored };
}

/** What was stored, counted by the answers; every other one is that the queue is full. */
async function acceptedOf(sends: readonly Promise<unknown>[]): Promise<number> {
  const answers = await Promise.allSettled(sends);
  for (const answer of answers) {
    if (answer.status === 'rejected') expect(answer.reason).to.be.instanceOf(QueueFullError);
  }
  return answers.filter(({ status }) => status === 'fulfilled').length;
}

describe('a queue with a maximum, filled by two processes at once', () => {
  it('holds exactly that many of single sends, each with its own answer', async () => {
    const { producers, stored } = await startTwo(500);
    const sends = times(12, (wave) =>
      producers.flatMap((producer) =>
        times(50, (i) => producer.send({ name: wave % 2 ? 'plain' : 'urgent', kwargs: { i } })),
      ),
    );
    expect(await acceptedOf(sends.flat())).to.equal(500);
    expect(await stored()).to.equal(500);
  });

  it('holds exactly that many of sends under ids of clients, and stores none of the others', async () => {
    const { producers, stored, broker } = await startTwo(100);
    const ids = times(200, (i) => `mine-${i}`);
    const sends = ids.map((task_id, i) => producers[i % 2]?.send({ name: 'plain', task_id }));
    const answers = await Promise.allSettled(sends);
    const accepted = ids.filter((_, i) => answers[i]?.status === 'fulfilled');
    expect(accepted).to.have.length(100);
    expect(await stored()).to.equal(100);
    const records = await broker.read(ids);
    expect(ids.filter((_, i) => records[i])).to.deep.equal(accepted);
  });

  it('takes whole batches or nothing of them', async () => {
    const { producers, stored } = await startTwo(100);
    const batch = times(30, () => ({ name: 'plain' }));
    const sends = times(5, () => producers.map((producer) => producer.sendMany(batch))).flat();
    expect(await acceptedOf(sends)).to.equal(3);
    expect(await stored()).to.equal(90);
  });

  it('takes whole batches or nothing of them, also of those that several writes store', async () => {
    const { producers, stored } = await startTwo(5000);
    const batch = times(2500, () => ({ name: 'plain' }));
    const sends = times(2, () => producers.map((producer) => producer.sendMany(batch))).flat();
    expect(await acceptedOf(sends)).to.equal(2);
    expect(await stored()).to.equal(5000);
  });

  it('takes nothing of a batch for two queues of which one is full', async () => {
    const { producers, broker } = await startTwo(2);
    const [producer] = producers;
    const batch = [{ name: 'other' }, ...times(3, () => ({ name: 'plain' }))];
    const error = await producer?.sendMany(batch).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(QueueFullError);
    expect(String(error)).to.include('"default"');
    expect(await broker.queues()).to.deep.equal([]);
  });

  it('takes what is due later although it is full, for that does not wait yet', async () => {
    const { producers, broker } = await startTwo(3);
    const sends = producers.flatMap((producer) =>
      times(10, (i) => producer.send({ name: 'plain', ...(i % 2 ? { countdown: 600 } : {}) })),
    );
    expect(await acceptedOf(sends)).to.equal(13);
    const [queue] = await broker.queues();
    expect(queue).to.include({ waiting: 3, delayed: 10 });
  });
});
