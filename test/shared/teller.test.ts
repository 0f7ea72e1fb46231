import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { type ClusterEvent, workerEvent } from '../../shared/clusterEvents.ts';
import { createKeys } from '../../shared/keys.ts';
import { createTeller, LOOK_MS } from '../../shared/teller.ts';
import { clockToSet } from '../support/clock.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { commandsDuring } from '../support/monitor.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';

/** A teller, and what a follower gets to hear, message by message. */
async function startTeller(url?: string) {
  const { prefix } = testConfig();
  const keys = createKeys(prefix);
  const [redis, other] = [testRedis(url), testRedis(url)];
  const heard: ClusterEvent[][] = [];
  const subscriber = testRedis(url);
  subscriber.on('message', (_channel, message) => heard.push(JSON.parse(message)));
  await Promise.all([subscriber.subscribe(keys.events), redis.ping()]);
  let elapsed = 0;
  const teller = createTeller({ redis, keys, elapsed: () => elapsed });
  const want = () => other.set(keys.eventsWanted, 1);
  const unwant = () => other.del(keys.eventsWanted);
  return { teller, keys, redis, heard, want, unwant, pass: (ms: number) => (elapsed += ms) };
}

const event = (worker = 'w1') => workerEvent('worker-online', worker, 0);

describe('the teller', () => {
  it('asks Redis nothing and tells nothing while nobody follows', async () => {
    const { teller, keys } = await startTeller();
    await teller.look();
    expect(teller.wanted()).to.equal(false);
    const commands = await commandsDuring(keys.prefix, async () => {
      for (let i = 0; i < 100; i++) teller.tell(event());
      await teller.settled();
    });
    expect(commands).to.deep.equal([]);
  });

  it('learns by a look that somebody follows, and that nobody does any more', async () => {
    const { teller, want, unwant } = await startTeller();
    await want();
    expect(teller.wanted()).to.equal(false);
    await teller.look();
    expect(teller.wanted()).to.equal(true);
    await unwant();
    await teller.look();
    expect(teller.wanted()).to.equal(false);
  });

  it('does not let a look that is under way overrule the note of a new follower', async () => {
    const { teller } = await startTeller();
    const look = teller.look();
    teller.note();
    await look;
    expect(teller.wanted()).to.equal(true);
    await teller.look();
    expect(teller.wanted()).to.equal(false);
  });

  it('looks now and then, not more often than every two seconds', async () => {
    const { teller, keys, redis, pass } = await startTeller();
    const commands = await commandsDuring(keys.prefix, async () => {
      for (let i = 0; i < 50; i++) {
        teller.lookNowAndThen();
        pass(100);
      }
      await redis.ping();
    });
    expect(commands).to.deep.equal(['exists', 'exists', 'exists']);
  });

  it('goes on to look when the clock is set back', async () => {
    const { prefix } = testConfig();
    const redis = testRedis();
    const clock = clockToSet();
    const teller = createTeller({ redis, keys: createKeys(prefix) });
    await redis.ping();
    await teller.look();
    clock.setAhead(-3_600_000);
    const startedAt = performance.now();
    const commands = await commandsDuring(prefix, async () => {
      for (let isDue = false; !isDue; await teller.lookNowAndThen()) {
        await sleep(100);
        isDue = performance.now() - startedAt >= LOOK_MS;
      }
    });
    expect(commands).to.deep.equal(['exists']);
  });

  it('tells what happens in one tick by one message', async () => {
    const { teller, keys, heard } = await startTeller();
    teller.note();
    const commands = await commandsDuring(keys.prefix, async () => {
      for (let i = 0; i < 100; i++) teller.tell(event(`w${i}`));
      await teller.settled();
    });
    expect(commands).to.deep.equal(['publish']);
    await eventually(() => heard.length === 1);
    expect(heard[0]).to.deep.equal(Array.from({ length: 100 }, (_, i) => event(`w${i}`)));
    expect(teller.dropped).to.equal(0);
  });

  it('keeps no more than 10,000 for a Redis that hangs, and drops the oldest', async () => {
    const server = await ownRedis();
    const { teller, heard } = await startTeller(server.url);
    teller.note();
    process.kill(server.pid(), 'SIGSTOP');
    defer(() => process.kill(server.pid(), 'SIGCONT'));
    teller.tell(event('on its way'));
    for (let i = 0; i < 2; i++) await new Promise(setImmediate);
    for (let i = 0; i < 10_007; i++) teller.tell(event(`w${i}`));
    expect(teller.dropped).to.equal(7);
    process.kill(server.pid(), 'SIGCONT');
    await eventually(() => heard.flat().length === 10_001);
    const workers = heard.flat().map((each) => 'worker' in each && each.worker);
    expect([workers[0], workers[1], workers.at(-1)]).to.deep.equal(['on its way', 'w7', 'w10006']);
    expect(Math.max(...heard.map((events) => events.length))).to.equal(500);
  });

  it('keeps nothing for a Redis that is away, where it would be told at its return', async () => {
    const { prefix } = testConfig();
    const away = new Redis(1, '127.0.0.1', { lazyConnect: true });
    const teller = createTeller({ redis: away, keys: createKeys(prefix) });
    teller.note();
    teller.tell(event());
    await teller.settled();
    expect(teller.dropped).to.equal(1);
    teller.lookNowAndThen();
    expect(away.status).to.equal('wait');
  });
});
