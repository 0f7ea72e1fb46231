import { expect } from 'chai';
import { whenAborted } from '../../shared/abort.ts';
import type { Broker } from '../../shared/broker.ts';
import { createAnnouncer } from '../../shared/bus.ts';
import { shardOf } from '../../shared/keys.ts';
import { defineTask } from '../../shared/task.ts';
import { createWatcher } from '../../shared/watcher.ts';
import { messageOf, startTestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

const add = defineTask('add', { run: () => 5 });

/** A watcher on a real broker, of which the calls are counted. */
async function startTestWatcher(change: Partial<Broker> = {}) {
  const test = await startTestBroker();
  const calls = { reads: [] as (readonly string[])[], listens: 0 };
  const broker: Broker = {
    ...test.broker,
    read(ids) {
      calls.reads.push(ids);
      return test.broker.read(ids);
    },
    listen(id, changed) {
      calls.listens++;
      return test.broker.listen(id, changed);
    },
    ...change,
  };
  return { ...test, calls, watcher: createWatcher(broker) };
}

/** Long enough to fail a test that depends on it. */
const LONG_MS = 20_000;

/** The net looks once a second. At its end a wait reads once more: what ends by that was not found by the net. */
async function soon<T>(waiting: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const found = await waiting;
  expect(performance.now() - startedAt).to.be.below(LONG_MS / 4);
  return found;
}

describe('the watcher', () => {
  it('ends a wait when the task ends', async () => {
    const { watcher, broker, config } = await startTestWatcher();
    await broker.add([messageOf('a')]);
    const waiting = watcher.wait('a', LONG_MS);
    await startTestWorker(config, [add]);
    expect((await waiting)?.result).to.include({ state: 'SUCCESS', result: 5 });
  });

  it('is told of the end: it need not look for it', async () => {
    const { watcher, broker, calls, config } = await startTestWatcher();
    await startTestWorker(config, [add]);
    await broker.add([messageOf('warm')]);
    await watcher.wait('warm', LONG_MS);
    calls.reads.length = 0;
    const startedAt = Date.now();
    for (let i = 0; i < 10; i++) {
      await broker.add([messageOf(`id-${i}`)]);
      expect((await watcher.wait(`id-${i}`, LONG_MS))?.result.state).to.equal('SUCCESS');
    }
    // Ten looks of the net would take ten seconds.
    expect(Date.now() - startedAt).to.be.lessThan(5000);
  });

  it('reads no second time on an open channel before it is told', async () => {
    const { watcher, broker, calls, config } = await startTestWatcher();
    await broker.listen('a', () => undefined);
    await broker.add([messageOf('a')]);
    const waiting = watcher.wait('a', LONG_MS);
    await eventually(() => calls.reads.length === 1);
    // Were it to look again, it would by now.
    for (let i = 0; i < 3; i++) await broker.read(['a']);
    expect(calls.reads.length).to.equal(1);
    await startTestWorker(config, [add]);
    expect((await waiting)?.result.state).to.equal('SUCCESS');
  });

  it('reads a task once that it expected, where its channel is open already', async () => {
    const { watcher, broker, calls, config } = await startTestWatcher();
    await startTestWorker(config, [add]);
    await broker.listen('a', () => undefined);
    const news = watcher.expect('a');
    await broker.add([messageOf('a')]);
    const record = await watcher.wait('a', LONG_MS, undefined, news);
    expect(record?.result.state).to.equal('SUCCESS');
    expect(calls.reads).to.deep.equal([['a']]);
  });

  it('learns of an end that came before anybody waited, where it expected the task', async () => {
    const { watcher, broker, config } = await startTestWatcher();
    await startTestWorker(config, [add]);
    await broker.listen('a', () => undefined);
    const news = watcher.expect('a');
    const told = new Promise<void>((resolve) => void broker.listen('a', resolve));
    await broker.add([messageOf('a')]);
    await told;
    const startedAt = performance.now();
    const record = await watcher.wait('a', LONG_MS, undefined, news);
    expect(record?.result.state).to.equal('SUCCESS');
    // Less than the net takes.
    expect(performance.now() - startedAt).to.be.below(900);
  });

  it('reads a task that it expected before its channel was open, for it may have missed the end', async () => {
    const { watcher, broker, calls } = await startTestWatcher();
    const news = watcher.expect('a');
    await broker.add([messageOf('a')]);
    const waiting = watcher.wait('a', 500, undefined, news);
    await eventually(() => calls.reads.length > 0);
    expect((await waiting)?.result.state).to.equal('PENDING');
  });

  it('stops to listen for a task that was not stored after all', async () => {
    const { watcher, broker, redis, keys } = await startTestWatcher();
    watcher.expect('a').stop();
    const channel = keys.changes(shardOf('a'));
    await eventually(async () => (await redis.pubsub('NUMSUB', channel))[1] === 0);
    expect(broker.hears('a')).to.equal(false);
  });

  it('finds the end by itself when the message is lost', async () => {
    const deaf = async () => () => undefined;
    const { watcher, broker, config } = await startTestWatcher({ listen: deaf });
    await broker.add([messageOf('a')]);
    const waiting = watcher.wait('a', LONG_MS);
    await startTestWorker(config, [add]);
    expect((await soon(waiting))?.result.state).to.equal('SUCCESS');
  });

  it('finds the end by itself when it cannot listen at all', async () => {
    const listen = () => Promise.reject(new Error('away'));
    const { watcher, broker, config } = await startTestWatcher({ listen });
    await broker.add([messageOf('a')]);
    const waiting = watcher.wait('a', LONG_MS);
    await startTestWorker(config, [add]);
    expect((await soon(waiting))?.result.state).to.equal('SUCCESS');
  });

  it('reads again by itself where the read after the news of the end fails', async () => {
    const test = await startTestBroker();
    let ends = 0;
    const read: Broker['read'] = async (ids) => {
      const records = await test.broker.read(ids);
      if (records[0]?.result.ready && ends++ === 0) throw new Error('away');
      return records;
    };
    const watcher = createWatcher({ ...test.broker, read });
    await test.broker.add([messageOf('a')]);
    const waiting = watcher.wait('a', LONG_MS);
    await startTestWorker(test.config, [add]);
    expect((await soon(waiting))?.result.state).to.equal('SUCCESS');
    expect(ends).to.be.at.least(2);
  });

  it('tells at once that the broker is away when the wait begins', async () => {
    const read = () => Promise.reject(new Error('away'));
    const { watcher, calls } = await startTestWatcher({ read });
    expect(await watcher.wait('a', LONG_MS).catch(String)).to.equal('Error: away');
    expect(calls.listens).to.equal(0);
  });

  it('gives the task as it stands when the time is over', async () => {
    const { watcher, broker } = await startTestWatcher();
    await broker.add([messageOf('a')]);
    expect((await watcher.wait('a', 30))?.result.state).to.equal('PENDING');
    expect((await watcher.wait('a', 0))?.result.state).to.equal('PENDING');
  });

  it('gives the task as it stands when the caller gives up', async () => {
    const { watcher, broker } = await startTestWatcher();
    await broker.add([messageOf('a')]);
    const caller = new AbortController();
    const waiting = watcher.wait('a', LONG_MS, whenAborted(caller.signal));
    caller.abort();
    expect((await waiting)?.result.state).to.equal('PENDING');
    expect((await watcher.wait('a', LONG_MS, whenAborted(caller.signal)))?.result.state).to.equal(
      'PENDING',
    );
  });

  it('does not wait for a task that nobody knows', async () => {
    const { watcher } = await startTestWatcher();
    expect(await watcher.wait('nobody', LONG_MS)).to.equal(null);
  });

  it('reads once for many that follow one task, over one subscription', async () => {
    const { watcher, broker, calls, redis, keys } = await startTestWatcher();
    await broker.add([messageOf('a')]);
    let seen = 0;
    const stops = Array.from({ length: 50 }, () => watcher.watch('a', () => seen++));
    await eventually(() => seen >= 50);
    // The net may look once more on a slow machine; each for itself would read 50 times.
    expect(calls.reads.length).to.be.lessThan(10);
    expect(await redis.pubsub('CHANNELS', `${keys.prefix}*`)).to.have.length(1);
    for (const stop of stops) stop();
    await eventually(async () => (await redis.pubsub('CHANNELS', `${keys.prefix}*`)).length === 0);
  });

  it('reads all that changed in one tick by one call', async () => {
    const { watcher, broker, calls, keys } = await startTestWatcher();
    const ids = Array.from({ length: 20 }, (_, i) => `id-${i}`);
    await broker.add(ids.map((id) => messageOf(id)));
    let seen = 0;
    const stops = ids.map((id) => watcher.watch(id, () => seen++));
    await eventually(() => seen >= 20);
    calls.reads.length = 0;
    const announce = createAnnouncer(testRedis(), keys);
    for (const id of ids) announce(id);
    await eventually(() => new Set(calls.reads.flat()).size === 20);
    // At most one for each channel.
    expect(calls.reads.length).to.be.lessThan(17);
    for (const stop of stops) stop();
  });

  it('shows a start soon to who follows live, though nobody tells of it', async () => {
    const { watcher, broker, config } = await startTestWatcher();
    await broker.add([messageOf('a', { name: 'hang' })]);
    const states: (string | undefined)[] = [];
    const stop = watcher.watch('a', (record) => states.push(record?.result.state), { live: true });
    const hang = defineTask('hang', { run: (_: object, ctx) => aborted(ctx.signal) });
    await startTestWorker(config, [hang]);
    await eventually(() => states.includes('STARTED'), 3000);
    stop();
  });

  it('calls nobody any more after a stop', async () => {
    const { watcher, broker, redis, keys } = await startTestWatcher();
    await broker.add([messageOf('a')]);
    let seen = 0;
    let others = 0;
    const stop = watcher.watch('a', () => seen++);
    const stopOther = watcher.watch('a', () => others++);
    await eventually(() => seen > 0 && others > 0);
    stop();
    const before = { seen, others };
    await eventually(() => {
      createAnnouncer(redis, keys)('a');
      return others > before.others;
    });
    stopOther();
    expect(seen).to.equal(before.seen);
  });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}
