import { expect } from 'chai';
import { createCatalog } from '../../shared/catalog.ts';
import { BrokerUnavailableError, TaskConflictError } from '../../shared/errors.ts';
import { claimIds } from '../../shared/idempotency.ts';
import { createProducer } from '../../shared/producer.ts';
import { connectFailingFast, whenConnected } from '../../shared/redis.ts';
import { defineTask } from '../../shared/task.ts';
import { countWaiting, messageOf, publish, startTestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { redisProxy } from '../support/proxy.ts';
import { silentLog, testConfig, testRedisUrl } from '../support/redis.ts';
import { longestTurn } from '../support/turns.ts';

const echo = defineTask('echo', { run: () => 1 });
const PAIRS = Array.from({ length: 30 }, (_, i) => `id-${i}`);
const request = (task_id: string, queue = 'default') => ({ name: 'echo', task_id, queue });

/** Two processes on one Redis. */
async function startTwoProducers() {
  const one = await startTestBroker();
  await publish(one, [echo]);
  const two = await startTestBroker(one.config);
  const producerOf = ({ broker }: typeof one) =>
    createProducer({ broker, catalog: createCatalog(broker) });
  const stored = async () =>
    (await countWaiting(one.broker, 'a')) + (await countWaiting(one.broker, 'b'));
  return { ...one, producers: [producerOf(one), producerOf(two)] as const, stored };
}

describe('one task_id sent at once through two processes', () => {
  it('to two queues is stored in one and refused for the other', async () => {
    const { producers, stored, broker } = await startTwoProducers();
    const [one, two] = producers;
    for (const id of PAIRS) {
      const answers = await Promise.allSettled([
        one.send(request(id, 'a')),
        two.send(request(id, 'b')),
      ]);
      const told = answers.map((each) =>
        each.status === 'fulfilled' ? each.value.result.queue : each.reason,
      );
      const [winner, ...none] = told.filter((each) => typeof each === 'string');
      expect(none, id).to.deep.equal([]);
      expect(told.filter((each) => each instanceof TaskConflictError)).to.have.length(1);
      expect((await broker.read([id]))[0]?.result.queue).to.equal(winner);
    }
    expect(await stored()).to.equal(PAIRS.length);
  });

  it('by the same request is stored once, and the other is told of it', async () => {
    const { producers, stored } = await startTwoProducers();
    for (const id of PAIRS) {
      const sent = await Promise.all(producers.map((each) => each.send(request(id, 'a'))));
      expect(sent.map(({ replayed }) => replayed)).to.have.members([true, false]);
    }
    expect(await stored()).to.equal(PAIRS.length);
  });

  it('in a batch and alone is stored once', async () => {
    const { producers, stored } = await startTwoProducers();
    const [one, two] = producers;
    let batches = 0;
    for (const id of PAIRS) {
      const answers = await Promise.allSettled([
        one.sendMany([request(`other-${id}`, 'a'), request(id, 'a')]),
        two.send(request(id, 'b')),
      ]);
      const kinds = answers.map(({ status }) => status);
      expect(kinds).to.have.members(['fulfilled', 'rejected']);
      if (kinds[0] === 'fulfilled') batches++;
    }
    // Of a batch that was accepted both tasks are there, of one that was refused none.
    expect(await stored()).to.equal(PAIRS.length + batches);
  });
});

describe('batches of the same ids', () => {
  it('in opposite order all end, each id stored once', async () => {
    const { producers, stored } = await startTwoProducers();
    const ids = Array.from({ length: 200 }, (_, i) => `id-${i}`);
    const batch = ids.map((id) => request(id, 'a'));
    const [one, two] = producers;
    const sent = await Promise.all([
      one.sendMany(batch),
      two.sendMany(batch.toReversed()),
      one.sendMany(batch.slice(100)),
      two.sendMany(batch.slice(50, 150).toReversed()),
    ]);
    const fresh = sent.flat().filter(({ replayed }) => !replayed);
    expect(fresh.map(({ result }) => result.task_id)).to.have.members(ids);
    expect(await stored()).to.equal(ids.length);
  });
});

describe('a claim of ids', () => {
  it('is not met again once it was let go, and runs out by itself', async () => {
    const { broker, redis, keys } = await startTestBroker();
    const { mine, release } = await claimIds(broker, [messageOf('a'), messageOf('b')]);
    expect(mine.map(({ id }) => id)).to.deep.equal(['a', 'b']);
    expect(await broker.claim(['a', 'c'])).to.deep.equal([false, true]);
    expect(await redis.pttl(keys.claim('a'))).to.be.within(1, 10_000);
    await release();
    expect(await broker.claim(['a', 'b'])).to.deep.equal([true, true]);
  });

  it('names the tasks that are there, and leaves their ids free', async () => {
    const { broker, redis, keys } = await startTestBroker();
    await broker.add([messageOf('a')]);
    const { existing, mine, release } = await claimIds(broker, [messageOf('a'), messageOf('b')]);
    expect([...existing.keys()]).to.deep.equal(['a']);
    expect(mine.map(({ id }) => id)).to.deep.equal(['b']);
    await release();
    expect(await redis.exists(keys.claim('a'), keys.claim('b'))).to.equal(0);
  });

  it('is let go of where the records cannot be read', async () => {
    const { broker, redis, keys } = await startTestBroker();
    const read = () => Promise.reject(new Error('away'));
    const claimed = claimIds({ ...broker, read }, [messageOf('a'), messageOf('b')]);
    expect(await claimed.catch(String)).to.equal('Error: away');
    expect(await redis.exists(keys.claim('a'), keys.claim('b'))).to.equal(0);
  });

  it('of 10,000 ids keeps the loop for little longer than one of 500', async () => {
    const { broker } = await startTestBroker();
    const turnOf = async (count: number) => {
      const messages = Array.from({ length: count }, (_, i) => messageOf(`id-${i}`));
      let shortest = Number.POSITIVE_INFINITY;
      // The first compiles.
      for (let run = 0; run < 4; run++) {
        const turn = await longestTurn(async () => {
          await (await claimIds(broker, messages)).release();
        });
        shortest = Math.min(shortest, turn);
      }
      return shortest;
    };
    // At one go it is 15 to 20 times as long.
    const ratio = (await turnOf(10_000)) / (await turnOf(500));
    expect(ratio).to.be.below(8);
  });

  it('is left to its holder by others', async () => {
    const { broker, config } = await startTestBroker();
    const other = await startTestBroker(config);
    expect(await broker.claim(['a'])).to.deep.equal([true]);
    await other.broker.release(['a']);
    expect(await other.broker.claim(['a'])).to.deep.equal([false]);
  });
});

describe('a send whose line was cut before its answer', () => {
  const kinds: readonly [kind: string, request: Record<string, unknown>][] = [
    ['under an id of its own', request('a')],
    ['that is unique', { name: 'single' }],
  ];
  for (const [kind, sent] of kinds) {
    it(`${kind} may be repeated at once, here and over another process`, async () => {
      const proxy = await redisProxy();
      const config = testConfig({ redisUrl: proxy.url });
      const redis = connectFailingFast(proxy.url, silentLog());
      const one = await startTestBroker(config, { redis });
      await whenConnected(redis, 5000);
      await publish(one, [echo, defineTask('single', { unique: {}, run: () => 1 })]);
      const producerOf = ({ broker }: typeof one) =>
        createProducer({ broker, catalog: createCatalog(broker) });
      const other = producerOf(await startTestBroker({ ...config, redisUrl: testRedisUrl() }));
      // Knows the task.
      const producer = producerOf(one);
      await producer.send({ name: 'echo' });
      proxy.loseAnswers();
      const error = await producer.send(sent).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(BrokerUnavailableError);
      proxy.cut();
      await eventually(() => redis.status !== 'ready');
      await whenConnected(redis, 5000);
      const at = performance.now();
      const again = await producer.send(sent);
      expect(again.state).to.equal('PENDING');
      // A claim of a dead sender is held for 10 s, and waited for 1 to 2 s.
      expect(performance.now() - at).to.be.below(900);
      expect((await other.send(sent)).id).to.equal(again.id);
    });
  }
});
