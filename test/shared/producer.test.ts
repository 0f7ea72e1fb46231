import { expect } from 'chai';
import { z } from 'zod';
import type { Broker } from '../../shared/broker.ts';
import { createCatalog } from '../../shared/catalog.ts';
import {
  BrokerUnavailableError,
  InvalidRequestError,
  QueueFullError,
  TaskConflictError,
} from '../../shared/errors.ts';
import { createProducer } from '../../shared/producer.ts';
import { specOf } from '../../shared/registry.ts';
import { defineTask } from '../../shared/task.ts';
import { countWaiting, publish, startTestBroker } from '../support/broker.ts';
import { startLife } from '../support/life.ts';

const input = z.object({ a: z.number(), b: z.number() });
const add = defineTask('add', { input, run: ({ a, b }) => a + b });
const request = (task_id?: string, a = 1) => ({
  name: 'add',
  kwargs: { a, b: 2 },
  ...(task_id === undefined ? {} : { task_id }),
});
const times = <T>(count: number, make: (i: number) => T) =>
  Array.from({ length: count }, (_, i) => make(i));

/** A producer on a real broker, of which each write is counted. */
async function startTestProducer(options: { queueMaxLength?: number } = {}) {
  const test = await startTestBroker();
  await publish(test, [add]);
  const writes: number[] = [];
  const broker: Broker = {
    ...test.broker,
    add(messages, max) {
      writes.push(messages.length);
      return test.broker.add(messages, max);
    },
  };
  const producer = createProducer({ broker, catalog: createCatalog(broker), ...options });
  const stored = () => countWaiting(test.broker, 'default');
  return { ...test, producer, writes, stored };
}

describe('the producer', () => {
  it('stores what is sent in one tick by one write, each with its own answer', async () => {
    const { producer, writes, stored } = await startTestProducer();
    // From here on the task is known, so that no send waits longer than the others.
    await producer.send(request());
    const sent = await Promise.all(times(50, () => producer.send(request())));
    expect(writes).to.deep.equal([1, 50]);
    expect(new Set(sent.map(({ result }) => result.task_id))).to.have.property('size', 50);
    expect(sent.every(({ replayed }) => !replayed)).to.equal(true);
    expect(await stored()).to.equal(51);
  });

  it('stores no more by one write than are stored all or none', async () => {
    const { producer, writes, stored } = await startTestProducer();
    await producer.send(request());
    await Promise.all(times(2100, () => producer.send(request())));
    expect(writes).to.deep.equal([1, 1000, 1000, 100]);
    expect(await stored()).to.equal(2101);
  });

  it('refuses the wrong one of a tick and stores the rest', async () => {
    const { producer, stored } = await startTestProducer();
    const requests = [request(), { name: 'ad' }, request(), { name: 'add', kwargs: { a: 'x' } }];
    const answers = await Promise.allSettled(requests.map((each) => producer.send(each)));
    const kinds = answers.map(({ status }) => status);
    expect(kinds).to.deep.equal(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
    expect(await stored()).to.equal(2);
  });

  it('answers with what a read gives', async () => {
    const { producer, broker } = await startTestProducer();
    const { result } = await producer.send({ ...request('a'), tags: ['t'], headers: { h: 1 } });
    const [record] = await broker.read(['a']);
    expect(record?.result).to.deep.equal(result);
  });

  it('answers a repeated request with the task that is there', async () => {
    const { producer, stored } = await startTestProducer();
    const first = await producer.send(request('a'));
    const again = await producer.send({ task_id: 'a', kwargs: { b: 2, a: 1 }, name: 'add' });
    expect(first.replayed).to.equal(false);
    expect(again.replayed).to.equal(true);
    expect(again.result).to.deep.equal(first.result);
    expect(await stored()).to.equal(1);
  });

  it('refuses another request under an id that is taken', async () => {
    const { producer, stored } = await startTestProducer();
    await producer.send(request('a'));
    expect(await failure(producer.send(request('a', 9)))).to.be.instanceOf(TaskConflictError);
    expect(await stored()).to.equal(1);
  });

  it('tells the repeat from the conflict also inside one tick', async () => {
    const { producer, writes } = await startTestProducer();
    const requests = [request('a'), request('a'), request('a', 9), request('b')];
    const answers = await Promise.allSettled(requests.map((each) => producer.send(each)));
    const told = answers.map((each) =>
      each.status === 'fulfilled' ? each.value.replayed : each.reason,
    );
    expect(told[0]).to.equal(false);
    expect(told[1]).to.equal(true);
    expect(told[2]).to.be.instanceOf(TaskConflictError);
    expect(told[3]).to.equal(false);
    expect(writes).to.deep.equal([2]);
  });

  it('runs nothing twice when two processes send one id at once', async () => {
    const one = await startTestProducer();
    const two = await startTestBroker(one.config);
    const other = createProducer({ broker: two.broker, catalog: createCatalog(two.broker) });
    const answers = await Promise.allSettled([
      one.producer.send(request('a')),
      other.send(request('a', 9)),
    ]);
    expect(answers.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    expect(await one.stored()).to.equal(1);
  });

  it('tells every sender of a tick when the write failed', async () => {
    const { broker } = await startTestBroker();
    const specs = async () => new Map([['add', specOfAdd]]);
    const away = { ...broker, specs, add: () => Promise.reject(new Error('away')) };
    const producer = createProducer({ broker: away, catalog: createCatalog(away) });
    const errors = await Promise.all(times(3, () => failure(producer.send(request()))));
    expect(errors.map(String)).to.deep.equal(new Array(3).fill('Error: away'));
  });

  it('tells what is wrong with a request also while the clock of the broker cannot be read', async () => {
    const { broker } = await startTestBroker();
    const specs = async () => new Map([['add', specOf(add)]]);
    const read = () => Promise.reject(new BrokerUnavailableError('away'));
    const away = { ...broker, specs, clock: { ...broker.clock, read } };
    const { send, sendMany } = createProducer({ broker: away, catalog: createCatalog(away) });
    const wrong = { name: 'add', args: [1, 'x'] };
    for (const refused of [failure(send(wrong)), failure(sendMany([wrong]))])
      expect(await refused).to.be.instanceOf(InvalidRequestError);
    for (const refused of [failure(send(request())), failure(sendMany([request()]))])
      expect(await refused).to.be.instanceOf(BrokerUnavailableError);
  });

  it('counts by the clock of the broker', async () => {
    const { broker, read } = await startLife();
    const specs = async () => new Map([['add', specOfAdd]]);
    const moment = { earliest: 2_000_000_000_000, latest: 2_000_000_000_007 };
    const other = { ...broker, specs, clock: { ...broker.clock, read: async () => moment } };
    const producer = createProducer({ broker: other, catalog: createCatalog(other) });
    const { id } = await producer.send({ ...request(), countdown: 60 });
    const { sent_at: sent, eta } = await read(id);
    expect([sent, eta].map((time) => Date.parse(time ?? ''))).to.deep.equal([
      moment.latest,
      moment.latest + 60_000,
    ]);
  });

  describe('of many at once', () => {
    it('stores all of them in order', async () => {
      const { producer, writes } = await startTestProducer();
      const sent = await producer.sendMany(times(30, (i) => request(`id-${i}`)));
      expect(sent.map(({ result }) => result.task_id)).to.deep.equal(times(30, (i) => `id-${i}`));
      expect(writes).to.deep.equal([30]);
    });

    it('stores none when one is wrong, and names each fault with its place', async () => {
      const { producer, writes } = await startTestProducer();
      const wrong = [request(), { name: 'add', args: [1, 'x'] }, 7, { ...request(), nam: 1 }];
      const error = await failure(producer.sendMany(wrong));
      expect(error).to.be.instanceOf(InvalidRequestError);
      const paths = (error as InvalidRequestError).errors.map(({ path }) => path);
      expect(paths).to.deep.equal(['/tasks/1/args/1', '/tasks/2', '/tasks/3/nam']);
      expect(writes).to.deep.equal([]);
    });

    it('refuses one id given twice', async () => {
      const { producer, writes } = await startTestProducer();
      const error = await failure(producer.sendMany([request('a'), request('b'), request('a')]));
      expect(error).to.be.instanceOf(InvalidRequestError);
      const fault = { path: '/tasks/2/task_id', message: 'is the same as that of /tasks/0' };
      expect((error as InvalidRequestError).errors).to.deep.equal([fault]);
      expect(writes).to.deep.equal([]);
    });

    it('stores none when one conflicts with a task that is there', async () => {
      const { producer, stored } = await startTestProducer();
      await producer.send(request('a'));
      const error = await failure(producer.sendMany([request('b'), request('a', 9)]));
      expect(error).to.be.instanceOf(TaskConflictError);
      expect(await stored()).to.equal(1);
    });

    it('stores only those that are new when a batch is repeated', async () => {
      const { producer, writes } = await startTestProducer();
      await producer.sendMany([request('a'), request('b')]);
      const again = await producer.sendMany([request('a'), request('b'), request('c')]);
      expect(again.map(({ replayed }) => replayed)).to.deep.equal([true, true, false]);
      expect(writes).to.deep.equal([2, 1]);
    });
  });

  describe('of a queue with a maximum', () => {
    it('takes what fits, also of a burst, and refuses the rest', async () => {
      const { producer, stored } = await startTestProducer({ queueMaxLength: 5 });
      const answers = await Promise.allSettled(times(20, () => producer.send(request())));
      const refused = answers.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      expect(refused).to.have.length(15);
      for (const reason of refused) expect(reason).to.be.instanceOf(QueueFullError);
      expect(await stored()).to.equal(5);
    });

    it('answers the repeat of a request that it has taken, also when it is full', async () => {
      const { producer } = await startTestProducer({ queueMaxLength: 1 });
      await producer.send(request('mine'));
      expect(await producer.send(request('mine'))).to.include({ replayed: true });
      expect(await failure(producer.send(request('mine', 2)))).to.be.instanceOf(TaskConflictError);
      expect(await failure(producer.send(request('other')))).to.be.instanceOf(QueueFullError);
    });
  });
});

const specOfAdd = specOf(defineTask('add', { run: () => 0 }));

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
