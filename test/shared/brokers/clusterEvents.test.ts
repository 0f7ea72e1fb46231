import { expect } from 'chai';
import type { Broker } from '../../../shared/broker.ts';
import { createEvents } from '../../../shared/brokers/clusterEvents.ts';
import { createBus } from '../../../shared/bus.ts';
import { type ClusterEvent, workerEvent } from '../../../shared/clusterEvents.ts';
import { BrokerUnavailableError } from '../../../shared/errors.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { commandsDuring } from '../../support/monitor.ts';
import { testConfig, testRedis } from '../../support/redis.ts';
import { ownRedis } from '../../support/server.ts';

async function follow(broker: Broker) {
  const seen: ClusterEvent[] = [];
  const stop = await broker.listenToEvents((events) => seen.push(...events));
  defer(stop);
  const ids = () => seen.flatMap((event) => ('task_id' in event ? event.task_id : []));
  return { seen, ids, stop };
}

const timers = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;

describe('the events at a broker', () => {
  it('cost a send nothing while nobody follows, but a look every two seconds', async () => {
    const { broker, config } = await startTestBroker();
    await broker.add([messageOf('warm')]);
    const commands = await commandsDuring(config.prefix, async () => {
      for (let i = 0; i < 20; i++) await broker.add([messageOf(`id-${i}`)]);
    });
    expect(commands).to.not.include('publish');
    const looks = commands.filter((name) => name === 'exists');
    expect(looks.length).to.be.at.most(1);
  });

  it('tell of what is stored from the first send on, also what another process stores', async () => {
    const { broker, config } = await startTestBroker();
    const other = await startTestBroker(config);
    const { seen, ids } = await follow(broker);
    await other.broker.add([messageOf('a'), messageOf('b', { queue: 'mail' })]);
    await broker.add([messageOf('c')]);
    await eventually(() => ids().length === 3);
    expect(ids().sort()).to.deep.equal(['a', 'b', 'c']);
    const second = seen.find((event) => 'task_id' in event && event.task_id === 'b');
    expect(second).to.include({ type: 'task-sent', name: 'add', queue: 'mail' });
  });

  it('tell of what was stored, not of what could not be', async () => {
    const { broker } = await startTestBroker();
    const { ids } = await follow(broker);
    const loop: Record<string, unknown> = {};
    loop.itself = loop;
    const failed = await broker.add([messageOf('bad', { body: { kwargs: loop } })]).catch(String);
    expect(failed).to.match(/circular/);
    await broker.add([messageOf('good')]);
    await eventually(() => ids().length > 0);
    expect(ids()).to.deep.equal(['good']);
  });

  it('go to all who follow, by one subscription, until the last has left', async () => {
    const { broker, keys, redis } = await startTestBroker();
    const subscribers = async () => (await redis.pubsub('NUMSUB', keys.events))[1];
    const both = await Promise.all([follow(broker), follow(broker)]);
    expect(await subscribers()).to.equal(1);
    await broker.add([messageOf('a')]);
    await eventually(() => both.every(({ ids }) => ids().length === 1));
    both[0].stop();
    both[0].stop();
    await broker.add([messageOf('b')]);
    await eventually(() => both[1].ids().length === 2);
    expect(both[0].ids()).to.deep.equal(['a']);
    both[1].stop();
    await eventually(async () => (await subscribers()) === 0);
  });

  it('go on for one who comes while the only other leaves', async () => {
    const { broker } = await startTestBroker();
    const { stop } = await follow(broker);
    stop();
    const second = await follow(broker);
    for (const id of ['a', 'b']) await broker.add([messageOf(id)]);
    await eventually(() => second.ids().includes('b'));
    expect(second.ids()).to.deep.equal(['a', 'b']);
  });

  it('are wanted as long as somebody follows: by a key that outlives nobody for long, and a note', async () => {
    const { broker, keys, redis } = await startTestBroker();
    const notes: string[] = [];
    const listener = redis.duplicate();
    defer(() => listener.disconnect());
    listener.on('message', (channel) => notes.push(channel));
    await listener.subscribe(keys.eventsCalls);
    const { stop } = await follow(broker);
    await eventually(() => notes.length === 1);
    expect(await redis.pttl(keys.eventsWanted)).to.be.within(5000, 10_000);
    await redis.del(keys.eventsWanted);
    // Renewed without another note.
    await eventually(async () => (await redis.exists(keys.eventsWanted)) === 1);
    expect(notes).to.have.length(1);
    const open = timers();
    stop();
    await eventually(() => timers() <= open - 2);
  });

  it('say that a worker has vanished, to each follower once', async () => {
    const { broker, config, keys, redis } = await startTestBroker();
    const other = await startTestBroker(config);
    for (const id of ['w1', 'w2']) {
      const beat = { id, heartbeat_at: new Date().toISOString() };
      await redis.set(keys.worker(id), JSON.stringify(beat));
      await redis.zadd(keys.workers, Date.now(), id);
    }
    const both = await Promise.all([follow(broker), follow(other.broker)]);
    for (const [i, id] of ['w1', 'w2'].entries()) {
      await redis.del(keys.worker(id));
      await eventually(() => both.every(({ seen }) => seen.length > i));
    }
    for (const { seen } of both) {
      const told = seen.map((event) => `${event.type} ${'worker' in event && event.worker}`);
      expect(told).to.deep.equal(['worker-offline w1', 'worker-offline w2']);
    }
  });

  it('read tasks that were revoked only if somebody follows', async () => {
    const { broker, config, redis, keys } = await startTestBroker();
    await broker.add([messageOf('a')]);
    const reads: (readonly string[])[] = [];
    const events = createEvents({
      redis,
      bus: createBus(testRedis(), keys),
      keys,
      workers: broker.workers,
      read(ids) {
        reads.push(ids);
        return broker.read(ids);
      },
      now: Date.now,
    });
    await events.revoked(['a']);
    expect(reads).to.deep.equal([]);
    const other = await startTestBroker(config);
    const { seen } = await follow(other.broker);
    await eventually(async () => {
      await events.revoked(['a', 'unknown']);
      return reads.length > 0;
    });
    expect(reads).to.deep.equal([['a', 'unknown']]);
    await eventually(() => seen.length > 0);
    expect(seen).to.have.length(1);
    const error = { type: 'TaskRevokedError', message: 'The task was revoked' };
    expect(seen[0]).to.deep.include({ type: 'task-revoked', task_id: 'a', name: 'add', error });
  });

  it('pass over a message that is none', async () => {
    const { broker, keys, redis } = await startTestBroker();
    const { seen } = await follow(broker);
    for (const message of ['{', '5', 'null']) await redis.publish(keys.events, message);
    const event = workerEvent('worker-online', 'w1', Date.now());
    await redis.publish(keys.events, JSON.stringify([event]));
    await eventually(() => seen.length === 1);
    expect(seen).to.deep.equal([event]);
  });

  it('are refused at once while Redis is away, and can be followed when it is back', async () => {
    const server = await ownRedis();
    const { broker } = await startTestBroker(testConfig({ redisUrl: server.url }));
    await eventually(() => broker.checkWritable().then(() => true));
    await server.stop();
    const refused = await broker.listenToEvents(() => undefined).catch((error) => error);
    expect(refused).to.be.instanceOf(BrokerUnavailableError);
    await server.start();
    const { ids } = await eventually(() => follow(broker));
    await broker.add([messageOf('a')]);
    await eventually(() => ids().length === 1);
  });

  it('go on after an outage for one who has followed before it', async () => {
    const server = await ownRedis();
    const { broker } = await startTestBroker(testConfig({ redisUrl: server.url }));
    const { ids } = await eventually(() => follow(broker));
    await server.stop();
    await server.start();
    await eventually(async () => {
      await broker.add([messageOf('a')]);
      return ids().length > 0;
    });
  });
});
