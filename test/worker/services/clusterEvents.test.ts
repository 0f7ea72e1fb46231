import { expect } from 'chai';
import { createRedisClock } from '../../../shared/brokers/clock.ts';
import type { ClusterEvent } from '../../../shared/clusterEvents.ts';
import { createKeys } from '../../../shared/keys.ts';
import { createTeller } from '../../../shared/teller.ts';
import { createClusterEvents } from '../../../worker/services/clusterEvents.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';
import { commandsDuring } from '../../support/monitor.ts';
import { testConfig, testRedis } from '../../support/redis.ts';

/** The service of a worker `w1`, and what a follower gets to hear. */
async function startTestService({ withSubscriber = true } = {}) {
  const keys = createKeys(testConfig().prefix);
  const [redis, follower, other] = [testRedis(), testRedis(), testRedis()];
  const heard: ClusterEvent[] = [];
  follower.on('message', (_channel, message) => heard.push(...JSON.parse(message)));
  await follower.subscribe(keys.events);
  const teller = createTeller({ redis, keys });
  const { log, lines } = collectLog();
  const subscriber = withSubscriber ? { subscriber: testRedis() } : {};
  const about = { teller, clock: createRedisClock(redis) };
  const service = createClusterEvents({ ...about, worker: 'w1', redis, ...subscriber, keys, log });
  defer(() => service.stop());
  return { service, teller, heard, keys, other, lines };
}

const types = (heard: readonly ClusterEvent[]) => heard.map(({ type }) => type);

describe('the events of a worker', () => {
  it('tell its start and its stop to those who follow already', async () => {
    const { service, heard, keys, other } = await startTestService();
    await other.set(keys.eventsWanted, 1);
    await service.start();
    await eventually(() => heard.length === 1);
    await service.stop();
    await eventually(() => heard.length === 2);
    expect(types(heard)).to.deep.equal(['worker-online', 'worker-offline']);
    for (const event of heard) expect(event).to.include({ worker: 'w1' });
  });

  it('are told to nobody while nobody follows: start and stop publish nothing', async () => {
    const { service, keys } = await startTestService();
    const commands = await commandsDuring(keys.prefix, async () => {
      await service.start();
      await service.stop();
    });
    expect(new Set(commands)).to.deep.equal(new Set(['subscribe', 'exists']));
  });

  it('that were dropped are told in the log once, by their number', async () => {
    const keys = createKeys(testConfig().prefix);
    const redis = testRedis();
    const clock = createRedisClock(redis);
    let [dropped, looks] = [3, 0];
    const teller = {
      ...createTeller({ redis, keys }),
      look: async () => void looks++,
      get dropped() {
        return dropped;
      },
    };
    const { log, lines } = collectLog();
    await redis.ping();
    const service = createClusterEvents({ teller, worker: 'w1', redis, clock, keys, log });
    defer(() => service.stop());
    await service.start();
    await eventually(() => lines.length === 1);
    dropped = 5;
    await eventually(() => lines.length === 2);
    const looksThen = looks;
    await eventually(() => looks >= looksThen + 2);
    expect(lines.map(({ level, dropped: count }) => [level, count])).to.deep.equal([
      [40, 3],
      [40, 2],
    ]);
  });

  it('are wanted at once when the note of a new follower comes', async () => {
    const { service, teller, keys, other } = await startTestService();
    await service.start();
    await eventually(async () => (await other.publish(keys.eventsCalls, '')) === 1);
    await eventually(() => teller.wanted(), 1000);
  });

  it('are wanted within some seconds where no note comes, and unwanted again', async () => {
    const { service, teller, keys, other } = await startTestService({ withSubscriber: false });
    await service.start();
    await other.set(keys.eventsWanted, 1);
    await eventually(() => teller.wanted());
    await other.del(keys.eventsWanted);
    await eventually(() => !teller.wanted());
  });
});
