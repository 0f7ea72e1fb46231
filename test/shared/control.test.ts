import { expect } from 'chai';
import { createBus } from '../../shared/bus.ts';
import { createAsker, listenToCommands } from '../../shared/control.ts';
import { BrokerUnavailableError } from '../../shared/errors.ts';
import { createKeys } from '../../shared/keys.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../../shared/redis.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog, testConfig, testRedis } from '../support/redis.ts';

type Handle = Parameters<typeof listenToCommands>[0]['handle'];

/** Somebody who asks, and workers that answer; those alive may be others than those that listen. */
async function startTest({ alive = ['w1', 'w2'] }: { alive?: string[] } = {}) {
  const { redisUrl, prefix } = testConfig();
  const keys = createKeys(prefix);
  const redis = connectFailingFast(redisUrl, silentLog());
  const subscriber = connectPatiently(redisUrl, silentLog());
  defer(() => [redis, subscriber].map((each) => each.disconnect()));
  await Promise.all([redis, subscriber].map((each) => whenConnected(each, 5000)));
  const bus = createBus(subscriber, keys);
  const workers = async () => alive.map((id) => ({ id }));
  const asker = createAsker({ redis, subscriber, bus, keys, workers });
  const startWorker = async (worker: string, handle: Handle) => {
    const own = testRedis();
    await listenToCommands({ redis: testRedis(), subscriber: own, keys, worker, handle });
    return own;
  };
  return { keys, asker, startWorker, subscriber, redis: testRedis() };
}

const echo: Handle = (command, args) => ({ command, args });
const never: Handle = () => new Promise(() => undefined);

describe('the asker', () => {
  it('collects the answers of all workers alive, and waits no longer than for the last', async () => {
    const { asker, startWorker } = await startTest();
    await startWorker('w1', echo);
    await startWorker('w2', async () => 'two');
    const answers = await asker.ask({ command: 'ping', args: { x: 1 }, timeoutMs: 60_000 });
    expect(Object.fromEntries(answers.byWorker)).to.deep.equal({
      w1: { ok: { command: 'ping', args: { x: 1 } } },
      w2: { ok: 'two' },
    });
    expect(answers.missing).to.deep.equal([]);
  });

  it('names who did not answer in time', async () => {
    const { asker, startWorker } = await startTest({ alive: ['w1', 'w2', 'w3'] });
    await startWorker('w1', () => 1);
    await startWorker('w2', never);
    const answers = await asker.ask({ command: 'ping', timeoutMs: 300 });
    expect([...answers.byWorker.keys()]).to.deep.equal(['w1']);
    expect(answers.missing).to.deep.equal(['w2', 'w3']);
  });

  it('answers at once where nobody is alive whom it could ask', async () => {
    const { asker, subscriber } = await startTest({ alive: [] });
    subscriber.disconnect();
    const answers = await asker.ask({ command: 'ping', workers: ['w9'], timeoutMs: 60_000 });
    expect([answers.byWorker.size, answers.missing]).to.deep.equal([0, ['w9']]);
  });

  it('asks only those that are named; of them, who is not alive is missing at once', async () => {
    const { asker, startWorker } = await startTest();
    let heard = 0;
    await startWorker('w1', () => ++heard);
    await startWorker('w2', () => 'two');
    const workers = ['w2', 'ghost'];
    const answers = await asker.ask({ command: 'ping', workers, timeoutMs: 60_000 });
    expect([...answers.byWorker]).to.deep.equal([['w2', { ok: 'two' }]]);
    expect(answers.missing).to.deep.equal(['ghost']);
    expect(heard).to.equal(0);
  });

  it('has nobody to ask where no worker is alive', async () => {
    const { asker } = await startTest({ alive: [] });
    const { byWorker, missing } = await asker.ask({ command: 'ping', timeoutMs: 60_000 });
    expect([byWorker.size, missing]).to.deep.equal([0, []]);
  });

  it('tells apart what a worker answers and what it refuses', async () => {
    const { asker, startWorker } = await startTest();
    await startWorker('w1', () => {
      throw new Error('not today');
    });
    await startWorker('w2', () => undefined);
    const { byWorker } = await asker.ask({ command: 'ping', timeoutMs: 60_000 });
    expect(byWorker.get('w1')).to.deep.equal({ error: 'not today' });
    expect(byWorker.get('w2')).to.deep.equal({ ok: null });
  });

  it('drops answers that come late or that nobody has asked for, and keeps many questions apart', async () => {
    const { asker, startWorker } = await startTest({ alive: ['w1'] });
    let letGo: (value: string) => void = () => undefined;
    const gate = new Promise((resolve) => (letGo = resolve));
    await startWorker('w1', (command, { i }) => (command === 'late' ? gate : i));
    await startWorker('stranger', () => 'not asked');
    const late = await asker.ask({ command: 'late', timeoutMs: 50 });
    expect(late.missing).to.deep.equal(['w1']);
    letGo('too late');
    const questions = Array.from({ length: 50 }, (_, i) =>
      asker.ask({ command: 'echo', args: { i }, timeoutMs: 60_000 }),
    );
    const answers = (await Promise.all(questions)).map(({ byWorker }) => [...byWorker]);
    expect(answers).to.deep.equal(questions.map((_, i) => [['w1', { ok: i }]]));
  });

  it('subscribes for the first question only', async () => {
    const { asker, keys, redis, startWorker } = await startTest({ alive: ['w1'] });
    await startWorker('w1', echo);
    const channels = () => redis.pubsub('CHANNELS', keys.answers('*'));
    expect(await channels()).to.deep.equal([]);
    await asker.ask({ command: 'ping', timeoutMs: 60_000 });
    await asker.ask({ command: 'ping', timeoutMs: 60_000 });
    expect(await channels()).to.have.length(1);
  });

  it('says that it cannot hear while its connection for answers is down', async () => {
    const { asker, subscriber, startWorker } = await startTest({ alive: ['w1'] });
    await startWorker('w1', never);
    const asked = asker.ask({ command: 'ping', timeoutMs: 60_000 }).catch((error) => error);
    await eventually(async () => (await asker.ask({ command: 'x', timeoutMs: 1 })).missing);
    subscriber.disconnect();
    expect(await asked).to.be.instanceOf(BrokerUnavailableError);
    const again = await asker.ask({ command: 'ping', timeoutMs: 60_000 }).catch((error) => error);
    expect(again).to.be.instanceOf(BrokerUnavailableError);
  });

  it('asks on after its connection was lost for a moment', async () => {
    const { asker, subscriber, startWorker } = await startTest({ alive: ['w1'] });
    await startWorker('w1', () => 'here');
    await asker.ask({ command: 'ping', timeoutMs: 60_000 });
    subscriber.disconnect(true);
    const answers = await eventually(() => asker.ask({ command: 'ping', timeoutMs: 500 }));
    expect(answers.byWorker.get('w1')).to.deep.equal({ ok: 'here' });
  });

  it('tells all workers what needs no answer', async () => {
    const { asker, startWorker, keys, redis } = await startTest();
    const heard: unknown[] = [];
    for (const worker of ['w1', 'w2']) await startWorker(worker, (...all) => heard.push(all));
    await asker.tell('revoke', { ids: ['a'] });
    await eventually(() => heard.length === 2);
    expect(heard[0]).to.deep.equal(['revoke', { ids: ['a'] }]);
    expect(await redis.pubsub('CHANNELS', keys.answers('*'))).to.deep.equal([]);
  });
});

describe('a worker that listens to commands', () => {
  const whole = { id: '1', command: 'x', args: {}, workers: null, answerTo: null };
  const malformed: readonly [title: string, message: string][] = [
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['no command', JSON.stringify({ ...whole, command: 1 })],
    ['no arguments', JSON.stringify({ ...whole, args: [] })],
    ['no list of workers', JSON.stringify({ ...whole, workers: 'w1' })],
    ['no channel', JSON.stringify({ ...whole, answerTo: 7 })],
  ];
  it('ignores what is no command, and hears the next one', async () => {
    const { startWorker, keys, redis } = await startTest();
    const heard: string[] = [];
    await startWorker('w1', (command) => heard.push(command));
    for (const [, message] of malformed) await redis.publish(keys.control, message);
    await redis.publish(keys.control, JSON.stringify({ ...whole, command: 'good' }));
    await eventually(() => heard.includes('good'));
    expect(heard).to.deep.equal(['good']);
  });

  it('answers on channels for answers only', async () => {
    const { startWorker, keys, redis } = await startTest();
    const own = testRedis();
    const seen: string[] = [];
    own.on('message', (channel) => seen.push(channel));
    await own.subscribe(keys.registryChanges, keys.answers('me'));
    await startWorker('w1', () => 'answer');
    for (const answerTo of [keys.registryChanges, keys.answers('me')]) {
      await redis.publish(keys.control, JSON.stringify({ ...whole, answerTo }));
    }
    await eventually(() => seen.length > 0);
    expect(seen).to.deep.equal([keys.answers('me')]);
  });

  it('answers that an answer is too large, or cannot be written as JSON', async () => {
    const { asker, startWorker } = await startTest();
    await startWorker('w1', () => 'x'.repeat(7 * 1024 * 1024));
    await startWorker('w2', () => 1n);
    const { byWorker } = await asker.ask({ command: 'x', timeoutMs: 60_000 });
    expect(byWorker.get('w1'))
      .to.have.property('error')
      .that.matches(/too large .* 7340/);
    expect(byWorker.get('w2'))
      .to.have.property('error')
      .that.matches(/BigInt/);
  });

  it('hears again after its connection was lost', async () => {
    const { asker, startWorker } = await startTest({ alive: ['w1'] });
    const own = await startWorker('w1', () => 'here');
    own.disconnect(true);
    await eventually(async () => {
      const { missing } = await asker.ask({ command: 'ping', timeoutMs: 100 });
      return missing.length === 0;
    });
  });
});
