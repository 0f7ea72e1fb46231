import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { createAnnouncer, createBus } from '../../shared/bus.ts';
import { createKeys, shardOf } from '../../shared/keys.ts';
import { eventually } from '../support/eventually.ts';
import { commandsDuring } from '../support/monitor.ts';
import { testConfig, testRedis } from '../support/redis.ts';

async function startTestBus(lingerMs = 0) {
  const { prefix } = testConfig();
  const keys = createKeys(prefix);
  const subscriber = testRedis();
  const redis = testRedis();
  // Listeners are called when the connection is ready, too.
  await subscriber.ping();
  return {
    keys,
    subscriber,
    redis,
    bus: createBus(subscriber, keys, lingerMs),
    announce: createAnnouncer(redis, keys),
  };
}

/** Some id that is told on the same channel as `id`. */
function neighbourOf(id: string): string {
  for (let i = 0; ; i++) if (shardOf(`n-${i}`) === shardOf(id)) return `n-${i}`;
}

describe('the bus', () => {
  it('tells the listeners of a task of each change, and no others', async () => {
    const { bus, announce } = await startTestBus();
    const seen = { first: 0, second: 0, neighbour: 0 };
    await bus.listen('a', () => seen.first++);
    await bus.listen('a', () => seen.second++);
    await bus.listen(neighbourOf('a'), () => seen.neighbour++);
    announce('a');
    await eventually(() => seen.first === 1 && seen.second === 1);
    announce(neighbourOf('a'));
    await eventually(() => seen.neighbour === 1);
    expect(seen).to.deep.equal({ first: 1, second: 1, neighbour: 1 });
  });

  it('subscribes to a channel once, however many listen, and leaves it with the last', async () => {
    const { bus, keys, redis } = await startTestBus();
    const channels = () => redis.pubsub('CHANNELS', `${keys.prefix}*`);
    const listen = () => bus.listen('a', () => undefined);
    const commands = await commandsDuring(keys.prefix, async () => {
      const stops = await Promise.all([listen(), listen(), listen()]);
      expect(await channels()).to.deep.equal([keys.changes(shardOf('a'))]);
      for (const stop of stops.slice(1)) stop();
      expect(await channels()).to.have.length(1);
      stops[0]?.();
      await eventually(async () => (await channels()).length === 0);
    });
    const counted = commands.filter((name) => name.endsWith('subscribe'));
    expect(counted).to.deep.equal(['subscribe', 'unsubscribe']);
  });

  it('keeps a channel for the next who waits, and leaves it after a while', async () => {
    const { bus, keys, redis } = await startTestBus(200);
    const channels = () => redis.pubsub('CHANNELS', `${keys.prefix}*`);
    const commands = await commandsDuring(keys.prefix, async () => {
      for (let i = 0; i < 3; i++) {
        const stop = await bus.listen('a', () => undefined);
        stop();
      }
      expect(await channels()).to.have.length(1);
      await eventually(async () => (await channels()).length === 0);
    });
    const counted = commands.filter((name) => name.endsWith('subscribe'));
    expect(counted).to.deep.equal(['subscribe', 'unsubscribe']);
  });

  it('keeps a channel for its time after the last who left it, not after the first', async () => {
    const lingerMs = 600;
    const { bus, keys, redis } = await startTestBus(lingerMs);
    const leave = async () => (await bus.listen('a', () => undefined))();
    await leave();
    await sleep(lingerMs / 2);
    await leave();
    const leftAt = performance.now();
    await eventually(async () => (await redis.pubsub('CHANNELS', `${keys.prefix}*`)).length === 0);
    expect(performance.now() - leftAt).to.be.at.least(lingerMs - 20);
  });

  it('may be stopped twice without leaving the channel to nobody', async () => {
    const { bus, announce } = await startTestBus();
    let seen = 0;
    const stop = await bus.listen('a', () => undefined);
    await bus.listen('a', () => seen++);
    stop();
    stop();
    announce('a');
    await eventually(() => seen === 1);
  });

  it('tells all listeners after an outage, for news may be lost, and listens on', async () => {
    const { bus, announce, subscriber } = await startTestBus();
    const seen = { task: 0, registry: 0 };
    bus.onRegistryChange(() => seen.registry++);
    await bus.listen('a', () => seen.task++);
    const before = { ...seen };
    subscriber.disconnect(true);
    await eventually(() => seen.task > before.task && seen.registry > before.registry);
    const after = seen.task;
    await eventually(() => {
      announce('a');
      return seen.task > after;
    });
  });

  it('tells of tasks that workers publish', async () => {
    const { bus, keys, redis } = await startTestBus();
    const seen = { one: 0, two: 0 };
    bus.onRegistryChange(() => seen.one++);
    bus.onRegistryChange(() => seen.two++);
    await eventually(async () => {
      await redis.publish(keys.registryChanges, '');
      return seen.one > 1 && seen.two > 1;
    });
  });

  it('hands the messages of any other channel to those who ask for it, until they leave', async () => {
    const { bus, keys, redis } = await startTestBus();
    const seen: string[] = [];
    const others = await bus.subscribe(keys.events, (message) => seen.push(`other ${message}`));
    const stop = await bus.subscribe(keys.events, (message) => seen.push(message));
    await redis.publish(keys.events, 'a,b');
    await eventually(() => seen.length === 2);
    others();
    others();
    await redis.publish(keys.events, 'c');
    await eventually(() => seen.length === 3);
    expect(seen).to.deep.equal(['other a,b', 'a,b', 'c']);
    stop();
    await eventually(async () => (await redis.pubsub('CHANNELS', keys.events)).length === 0);
  });

  it('announces all changes of one tick by one message a channel', async () => {
    const { announce, keys, redis } = await startTestBus();
    await redis.ping();
    const neighbour = neighbourOf('a');
    const commands = await commandsDuring(keys.prefix, async () => {
      for (let i = 0; i < 100; i++) announce(i % 2 ? 'a' : neighbour);
      await new Promise(setImmediate);
      await redis.ping();
    });
    expect(commands).to.deep.equal(['publish']);
  });
});
