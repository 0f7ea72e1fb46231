import { expect } from 'chai';
import type { Broker } from '../../shared/broker.ts';
import { createCatalog } from '../../shared/catalog.ts';
import { BrokerUnavailableError, TaskConflictError } from '../../shared/errors.ts';
import { createProducer } from '../../shared/producer.ts';
import { errorOf } from '../client/connect.ts';
import { eventually } from '../support/eventually.ts';
import { endStored } from '../support/stored.ts';
import { startProducer, to, type UniqueTest } from '../support/unique.ts';

describe('of two equal tasks that are unique', () => {
  const pairs: readonly [
    why: string,
    name: string,
    first: object,
    second: object,
    equal: boolean,
  ][] = [
    ['the whole input is the same', 'whole', to('a'), to('a'), true],
    ['one property differs', 'whole', to('a'), to('a', { text: 'x' }), false],
    ['args say what kwargs said', 'whole', to('a', { text: 'x' }), { args: ['a', 'x'] }, true],
    [
      'the keys stand in another order',
      'whole',
      to('a', { text: 'x' }),
      { kwargs: { text: 'x', to: 'a' } },
      true,
    ],
    ['their options differ', 'whole', to('a'), { ...to('a'), countdown: 60, priority: 9 }, true],
    ['their queues differ', 'whole', to('a'), { ...to('a'), queue: 'other' }, true],
    ['the key is the same', 'keyed', to('a', { text: 'x' }), to('a', { text: 'y' }), true],
    ['the key differs', 'keyed', to('a'), to('b'), false],
    ['args say the key', 'keyed', { args: ['a', 'x'] }, to('a', { text: 'y' }), true],
    ['there is no schema', 'free', { kwargs: { x: 1 } }, { kwargs: { x: 1 } }, true],
    ['args differ without a schema', 'free', { args: [1] }, { args: [2] }, false],
    ['args are equal without a schema', 'free', { args: [1] }, { args: [1] }, true],
    [
      'args differ, which no schema binds to the key',
      'free_keyed',
      { args: [1] },
      { args: [2] },
      false,
    ],
  ];
  for (const [why, name, first, second, isEqual] of pairs) {
    it(`the second is ${isEqual ? 'answered by the first' : 'another one'} when ${why}`, async () => {
      const { send, stored } = await startProducer();
      const one = await send(name, first);
      const two = await send(name, second);
      expect(one.replayed).to.equal(false);
      expect(two.replayed).to.equal(isEqual);
      expect(two.id === one.id).to.equal(isEqual);
      expect(await stored()).to.equal(isEqual ? 1 : 2);
    });
  }

  it('those of another name are others', async () => {
    const { send } = await startProducer();
    await send('whole', to('a'));
    expect(await send('twin', to('a'))).to.include({ replayed: false });
  });
});

describe('a uniqueness', () => {
  for (const [why, end] of [
    ['succeeded', { at: Date.now() }],
    ['failed', { at: Date.now(), traceback: 'E: no' }],
  ] as const) {
    it(`is free again when the first has ${why}`, async () => {
      const test = await startProducer();
      const first = await test.send('whole', to('a'));
      await endStored(test, first.id, end);
      const second = await test.send('whole', to('a'));
      expect(second.replayed).to.equal(false);
      expect(await test.send('whole', to('a'))).to.deep.equal({ id: second.id, replayed: true });
    });
  }

  const ends: Readonly<Record<string, (test: UniqueTest, id: string) => Promise<unknown>>> = {
    revoked: ({ broker }, id) => broker.revoke(id, false),
    forgotten: async (test, id) => {
      await endStored(test, id, { at: Date.now() });
      await test.broker.forget(id);
    },
    purged: ({ broker }) => broker.purge('default'),
  };
  for (const [how, end] of Object.entries(ends)) {
    it(`is free again at once when the first was ${how}`, async () => {
      const test = await startProducer();
      const first = await test.send('whole', to('a'));
      await end(test, first.id);
      expect(await test.claimsOf(test.send('whole', to('a')))).to.equal(2);
      expect(await test.stored()).to.equal(how === 'revoked' ? 2 : 1);
    });
  }

  it('is free again when its time is over, though the first has not ended', async () => {
    const { send, stored } = await startProducer();
    const first = await send('brief', to('a'));
    expect(await send('brief', to('a'))).to.deep.equal({ id: first.id, replayed: true });
    await eventually(async () => !(await send('brief', to('a'))).replayed);
    expect(await stored()).to.equal(2);
  });

  it('holds over processes: of ten who send at once, one stores', async () => {
    const first = await startProducer();
    const others = await Promise.all([1, 2, 3, 4].map(() => startProducer(first.config)));
    const senders = [first, ...others];
    const sent = await Promise.all(
      senders.flatMap(({ send }) => [1, 2].map(() => send('keyed', to('a')))),
    );
    expect(new Set(sent.map(({ id }) => id)).size).to.equal(1);
    expect(sent.filter(({ replayed }) => !replayed)).to.have.length(1);
    expect(await first.stored()).to.equal(1);
  });

  it('waits for nobody where those that held it one after another have all ended', async () => {
    const test = await startProducer();
    const { id } = await test.send('whole', to('a'));
    await endStored(test, id, { at: Date.now() });
    const [ended] = await test.broker.read([id]);
    let holders = 0;
    // 50 pauses would be longer than the 2 s for which it waits for others.
    const broker: Broker = {
      ...test.broker,
      claimUnique: async (claims) =>
        claims.map((claim) => ({ holder: holders++ < 50 ? id : claim.id, heldMs: 60_000 })),
      read: async (ids) => ids.map(() => ended ?? null),
    };
    const { send } = createProducer({ broker, catalog: createCatalog(broker) });
    expect(await send({ name: 'whole', ...to('a') })).to.include({ replayed: false });
  });

  it('whose sender died before it stored the task is refused for ten seconds, then free', async () => {
    const test = await startProducer();
    let isClaimed = false;
    const dead: Broker = {
      ...test.broker,
      async claimUnique(claims) {
        const answer = await test.broker.claimUnique(claims);
        isClaimed = true;
        return answer;
      },
      add: () => new Promise<never>(() => undefined),
    };
    const dying = createProducer({ broker: dead, catalog: createCatalog(dead) });
    void dying.send({ name: 'whole', ...to('a') });
    await eventually(() => isClaimed);
    const refused = await errorOf(test.send('whole', to('a')));
    expect(refused).to.be.instanceOf(BrokerUnavailableError);
    expect(String(refused)).to.match(/another sender is storing an equal task; try again/);
    await test.age(10_000);
    expect(await test.send('whole', to('a'))).to.include({ replayed: false });
    expect(await test.stored()).to.equal(1);
  });

  it('is given up by nobody whose task is stored', async () => {
    const { send, broker, redis, keys } = await startProducer();
    const { id } = await send('whole', to('a'));
    const [key = ''] = await redis.keys(keys.unique('*'));
    await broker.claimUnique([{ id, hash: key.slice(keys.unique('').length), ttlMs: 0 }]);
    expect(await send('whole', to('a'))).to.deep.equal({ id, replayed: true });
  });
});

describe('a unique task with an id of its client', () => {
  it('is found by its id first: a repeat is answered by it, also when it has ended', async () => {
    const test = await startProducer();
    const named = { ...to('a'), task_id: 'mine' };
    expect(await test.send('whole', named)).to.deep.equal({ id: 'mine', replayed: false });
    expect(await test.send('whole', named)).to.deep.equal({ id: 'mine', replayed: true });
    await endStored(test, 'mine', { at: Date.now() });
    const next = await test.send('whole', to('a'));
    expect(next.replayed).to.equal(false);
    expect(await test.send('whole', named)).to.deep.equal({ id: 'mine', replayed: true });
    const [again] = await test.producer.sendMany([{ name: 'whole', ...named }]);
    expect(again).to.deep.include({ replayed: true });
    expect(again?.result.task_id).to.equal('mine');
  });

  it('is answered by an equal one under another id, and stores none of its own', async () => {
    const { broker, send } = await startProducer();
    await send('whole', { ...to('a'), task_id: 'one' });
    const two = await send('whole', { ...to('a'), task_id: 'two' });
    expect(two).to.deep.equal({ id: 'one', replayed: true });
    expect(await broker.read(['two'])).to.deep.equal([null]);
  });

  it('leaves nothing behind when it is refused', async () => {
    const { producer, send, claimsOf } = await startProducer();
    await send('whole', { ...to('a'), task_id: 'mine' });
    const other = { name: 'whole', ...to('b'), task_id: 'mine' };
    expect(await errorOf(producer.send(other))).to.be.instanceOf(TaskConflictError);
    const batch = [{ name: 'whole', ...to('c') }, other];
    expect(await errorOf(producer.sendMany(batch))).to.be.instanceOf(TaskConflictError);
    for (const name of ['b', 'c']) {
      const sending = send('whole', to(name));
      expect(await claimsOf(sending)).to.equal(1);
      expect(await sending).to.include({ replayed: false });
    }
  });
});
