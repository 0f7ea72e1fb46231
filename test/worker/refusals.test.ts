/** A Redis that takes no writes for a moment: nothing is lost, nothing runs twice, nobody hammers. */
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { createConsumer } from '../../worker/consumer.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, ids, startLife } from '../support/life.ts';
import { collectLog } from '../support/log.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { testTools } from '../support/tools.ts';
import { startTestWorker } from '../support/worker.ts';

/** A Redis of its own, and a task `hold` whose runs wait, then end as `end` says. */
async function start(end: (retries: number) => unknown = () => 'done', options: TaskOptions = {}) {
  const { url } = await ownRedis();
  const life = await startLife({ redisUrl: url });
  await eventually(() => life.broker.queues().then(() => true));
  const redis = testRedis(url);
  const { open, opened } = gate();
  const runs: string[] = [];
  const task = defineTask('hold', {
    ...options,
    async run(_: object, { id, retries }) {
      runs.push(id);
      await opened;
      return end(retries);
    },
  });
  return {
    ...life,
    redis,
    task,
    runs,
    open,
    refuse: (isRefusing: boolean) =>
      redis.config('SET', 'min-replicas-to-write', isRefusing ? 1 : 0),
  };
}

/** Consumes with two slots; what is logged with these words. */
function consume({ config, task }: Awaited<ReturnType<typeof start>>) {
  const { log, lines } = collectLog('info');
  const tools = testTools(config, [task], { log });
  const consumer = createConsumer({ queue: 'default', concurrency: 2, tools });
  defer(() => consumer.stop(AbortSignal.abort()));
  return { said: (text: string) => lines.filter(({ msg }) => msg.includes(text)) };
}

const REFUSES = 'Redis refuses commands';
const TAKES = 'Redis takes commands again';

describe('a Redis that takes no writes when a run ends', () => {
  const once = { acksLate: false };
  const retry = { retry: { max: 1, delay: 0.01, jitter: false } };
  const fail = () => Promise.reject(new RangeError('no'));
  const ends: readonly [how: string, Parameters<typeof start>, expected: object, runs: number][] = [
    ['a success', [], { state: 'SUCCESS', result: 'done' }, 1],
    ['a success that may come once only', [() => 'done', once], { state: 'SUCCESS' }, 1],
    ['a failure', [fail], { state: 'FAILURE' }, 1],
    [
      'a retry',
      [(retries) => (retries === 0 ? fail() : 'done'), retry],
      { state: 'SUCCESS', retries: 1 },
      2,
    ],
  ];
  for (const [how, given, expected, count] of ends) {
    it(`gets it later, and the task runs no second time: ${how}`, async () => {
      const test = await start(...given);
      const { said } = consume(test);
      await test.send('hold', ['a']);
      await eventually(() => test.runs.length === 1);
      await test.refuse(true);
      test.open();
      await eventually(() => said(REFUSES).length === 1);
      await test.refuse(false);
      expect(await test.end('a')).to.include(expected);
      expect(test.runs).to.have.length(count);
      await eventually(() => said(TAKES).length === 1);
      expect(said(REFUSES)).to.have.length(1);
      expect(said(REFUSES)[0]).to.include({ level: 50 }).and.to.have.property('reason');
      expect(said('could not')).to.deep.equal([]);
    });
  }

  it('is said to take commands again, though the lock that it would not renew is not needed any more', async () => {
    let hasEnded = false;
    const test = await start(() => (hasEnded = true));
    const { said } = consume(test);
    await test.send('hold', ['a']);
    await eventually(() => test.runs.length === 1);
    await test.refuse(true);
    // It was to be renewed when it had 5 s left.
    const lock = `${test.keys.job('default', 'a')}:lock`;
    await eventually(async () => (await test.redis.pttl(lock)) < 4000);
    test.open();
    await eventually(() => hasEnded);
    await test.refuse(false);
    await test.end('a');
    await eventually(() => said(TAKES).length === 1);
  });

  it('does not hold up the stop of the worker, which leaves the task to others', async () => {
    const test = await start();
    const worker = await startTestWorker(test.config, [test.task]);
    await test.send('hold', ['a']);
    await eventually(() => test.runs.length === 1);
    await test.refuse(true);
    test.open();
    await worker.stop(AbortSignal.abort());
    await test.refuse(false);
    expect(await test.redis.lrange(`${test.keys.queueBase('default')}active`, 0, -1)).to.deep.equal(
      ['a'],
    );
  });
});

describe('a Redis that takes no writes for a moment while a worker stops', () => {
  it('gets what still runs back before the worker is gone, not when its lock has run out', async () => {
    const test = await start();
    const { redis } = test;
    const worker = await startTestWorker(test.config, [test.task]);
    await test.send('hold', ['a']);
    await eventually(() => test.runs.length === 1);
    await test.refuse(true);
    const refused = async () =>
      Number(/errorstat_NOREPLICAS:count=(\d+)/.exec(await redis.info('errorstats'))?.[1] ?? 0);
    const before = await refused();
    const stopping = worker.stop(AbortSignal.abort());
    // The last heartbeat, and what is to be put back.
    await eventually(async () => (await refused()) >= before + 3);
    await test.refuse(false);
    await stopping;
    const places = ['wait', 'active'].map((list) => test.keys.queueBase('default') + list);
    const [waiting, active] = await Promise.all(places.map((key) => redis.lrange(key, 0, -1)));
    expect([waiting, active]).to.deep.equal([['a'], []]);
  });
});

describe('a Redis that takes no writes while tasks wait', () => {
  it('is asked again after a pause only, and then they run', async () => {
    const test = await start();
    test.open();
    const { redis } = test;
    const scripts = async () =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    await test.send('hold', ids(50));
    await test.refuse(true);
    const { said } = consume(test);
    await eventually(() => said(REFUSES).length === 1);
    const before = await scripts();
    const since = performance.now();
    await eventually(async () => (await scripts()) >= before + 6);
    // Without a pause these are a few milliseconds.
    expect(performance.now() - since).to.be.above(500);
    expect(test.runs).to.deep.equal([]);
    expect(said(REFUSES)).to.have.length(1);
    await test.refuse(false);
    await eventually(() => test.runs.length === 50);
  });
});
