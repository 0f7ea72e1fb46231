import { expect } from 'chai';
import { createCatalog } from '../../shared/catalog.ts';
import { BrokerUnavailableError } from '../../shared/errors.ts';
import { createProducer } from '../../shared/producer.ts';
import { defineTask } from '../../shared/task.ts';
import { errorOf } from '../client/connect.ts';
import { publish, startTestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';

const run = () => undefined;
const tasks = [
  defineTask('big', { run }),
  defineTask('elsewhere', { queue: 'other', run }),
  defineTask('once', { unique: {}, run }),
];
const PAD = 'x'.repeat(50_000);

/** 200 tasks of 50 kB each, for a Redis that has room for about 60 of them. */
async function startFullRedis() {
  const { url } = await ownRedis();
  const redis = testRedis(url);
  const config = testConfig({ redisUrl: url });
  // It is Redis that refuses here.
  const { broker, keys } = await startTestBroker(config, { memoryLimit: 100 });
  await publish({ redis, keys }, tasks);
  const producer = createProducer({ broker, catalog: createCatalog(broker) });
  await eventually(() => producer.sendMany([{ name: 'big' }, { name: 'elsewhere' }]));
  const used = /used_memory:(\d+)/.exec(await redis.info('memory'))?.[1];
  await redis.config('SET', 'maxmemory', String(Number(used) + 3_000_000));
  const requests = (...names: string[]) =>
    Array.from({ length: 200 }, (_, i) => ({
      name: names[i % names.length] ?? '',
      kwargs: { i, pad: PAD },
    }));
  const stored = async () => {
    const queues = await broker.queues();
    return queues.reduce((sum, { waiting }) => sum + waiting, -2);
  };
  const makeRoom = () => redis.config('SET', 'maxmemory', '0');
  return { producer, requests, stored, makeRoom };
}

describe('the producer, when the memory of Redis ends in the middle of what it stores', () => {
  it('has stored what it has accepted and nothing else, single sends of one tick', async () => {
    const { producer, requests, stored, makeRoom } = await startFullRedis();
    const sent: PromiseSettledResult<unknown>[] = [];
    // In waves that fit: of one lot for 200 Redis takes nothing.
    for (const wave of chunked(requests('big', 'elsewhere'), 20)) {
      sent.push(...(await Promise.allSettled(wave.map((each) => producer.send(each)))));
    }
    const refused = sent.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    // Some fit, and not all of them: else this shows nothing.
    expect(refused.length).to.be.within(1, sent.length - 1);
    for (const error of refused) expect(error).to.be.instanceOf(BrokerUnavailableError);
    await makeRoom();
    expect(await stored()).to.equal(sent.length - refused.length);
  });

  it('has stored all or nothing of a batch', async () => {
    const { producer, requests, stored, makeRoom } = await startFullRedis();
    const batch = requests('big', 'elsewhere');
    const sending = producer.sendMany(batch);
    const accepted = await sending.then(
      () => batch.length,
      () => 0,
    );
    // Else this shows nothing.
    expect(accepted).to.equal(0);
    await makeRoom();
    expect(await stored()).to.equal(accepted);
  });

  it('has stored equal tasks once when they were sent again', async () => {
    const { producer, requests, stored, makeRoom } = await startFullRedis();
    const batch = requests('once');
    await Promise.allSettled(batch.map((each) => producer.send(each)));
    await makeRoom();
    // On a slow machine the line was cut, and is not there again at once.
    await eventually(() => Promise.all(batch.map((each) => producer.send(each))));
    expect(await stored()).to.equal(batch.length);
  });

  it('says that it is full while nothing fits', async () => {
    const { producer, requests, stored } = await startFullRedis();
    for (let round = 0; round < 3; round++) {
      await producer.sendMany(requests('big')).catch(() => undefined);
    }
    const before = await stored();
    const error = await errorOf(producer.sendMany(requests('big', 'elsewhere')));
    expect(error).to.be.instanceOf(BrokerUnavailableError);
    expect(String(error)).to.match(/OOM command not allowed/);
    expect(await stored()).to.equal(before);
  });
});

function chunked<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}
