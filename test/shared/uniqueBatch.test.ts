import { expect } from 'chai';
import { QueueFullError } from '../../shared/errors.ts';
import { errorOf } from '../client/connect.ts';
import { startProducer, to } from '../support/unique.ts';

describe('unique tasks of one batch', () => {
  it('are stored once each, and answered in order', async () => {
    const { producer, send, stored } = await startProducer();
    const first = await send('keyed', to('old'));
    const batch = [
      { name: 'keyed', ...to('a'), task_id: 'a1' },
      { name: 'keyed', ...to('old', { text: 'x' }) },
      { name: 'keyed', ...to('a', { text: 'x' }) },
      { name: 'free', kwargs: { x: 1 } },
      { name: 'keyed', ...to('b') },
      { name: 'keyed', ...to('b'), task_id: 'b2' },
    ];
    const sent = await producer.sendMany(batch);
    const ids = sent.map(({ result }) => result.task_id);
    expect(sent.map(({ replayed }) => replayed)).to.deep.equal([
      ...[false, true, true, false, false, true],
    ]);
    expect([ids[0], ids[1], ids[2]]).to.deep.equal(['a1', first.id, 'a1']);
    expect(ids[5]).to.equal(ids[4]);
    expect(await stored()).to.equal(4);
  });

  it('are stored once when two senders send them at once, each in its own order', async () => {
    const one = await startProducer();
    const two = await startProducer(one.config);
    const batch = Array.from({ length: 1500 }, (_, i) => ({ name: 'keyed', ...to(`n${i}`) }));
    const [sent, again] = await Promise.all([
      one.producer.sendMany(batch),
      two.producer.sendMany(batch.toReversed()),
    ]);
    expect(await one.stored()).to.equal(1500);
    const idsOf = (all: typeof sent) => all.map(({ result }) => result.task_id);
    expect(idsOf(again).reverse()).to.deep.equal(idsOf(sent));
    const stored = [...sent, ...again].filter(({ replayed }) => !replayed);
    expect(stored).to.have.length(1500);
  });

  it('are stored once beside single ones that are sent meanwhile', async () => {
    const one = await startProducer();
    const two = await startProducer(one.config);
    const batch = Array.from({ length: 5000 }, (_, i) => ({ name: 'keyed', ...to(`n${i}`) }));
    const sending = one.producer.sendMany(batch);
    const singles = await Promise.all([0, 2499, 4999].map((i) => two.send('keyed', to(`n${i}`))));
    const sent = await sending;
    expect(await one.stored()).to.equal(5000);
    const ids = new Set(sent.map(({ result }) => result.task_id));
    for (const { id } of singles) expect(ids.has(id)).to.equal(true);
  });

  it('may be ten thousand', async () => {
    const { producer, stored } = await startProducer();
    const batch = Array.from({ length: 10_000 }, (_, i) => ({
      ...{ name: 'keyed', ...to(`n${i % 5000}`) },
    }));
    const sent = await producer.sendMany(batch);
    expect(sent.filter(({ replayed }) => replayed)).to.have.length(5000);
    expect(await stored()).to.equal(5000);
  });
});

describe('a full queue', () => {
  it('answers by the equal task that it holds, and lets go of what it refuses', async () => {
    const { broker, config, send } = await startProducer(undefined, { queueMaxLength: 1 });
    const first = await send('whole', to('a'));
    expect(await send('whole', to('a'))).to.deep.equal({ id: first.id, replayed: true });
    const refused = await errorOf(send('whole', to('b')));
    expect(refused).to.be.instanceOf(QueueFullError);
    await broker.purge('default');
    const other = await startProducer(config);
    const sending = other.send('whole', to('b'));
    expect(await other.claimsOf(sending)).to.equal(1);
    expect(await sending).to.include({ replayed: false });
  });
});

describe('tasks with ids of their clients that are stored already', () => {
  for (const name of ['keyed', 'twin']) {
    it(`are answered although the queue is full: ${name}`, async () => {
      const { producer, stored } = await startProducer(undefined, { queueMaxLength: 2 });
      const batch = ['a', 'b'].map((id) => ({ name, task_id: id, queue: 'full', ...to(id) }));
      await producer.sendMany(batch);
      const again = await producer.sendMany(batch);
      expect(again.map(({ replayed }) => replayed)).to.deep.equal([true, true]);
      const more = [...batch, { name, task_id: 'c', queue: 'full', ...to('c') }];
      expect(await errorOf(producer.sendMany(more))).to.be.instanceOf(QueueFullError);
      expect(await stored()).to.equal(2);
    });
  }
});
