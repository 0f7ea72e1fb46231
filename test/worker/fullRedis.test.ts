/** A Redis whose memory is full, or that takes no writes: what is there goes on, and nobody gives up. */
import { expect } from 'chai';
import type { Config } from '../../shared/config.ts';
import { createRegistry } from '../../shared/registry.ts';
import { defineTask, type Task } from '../../shared/task.ts';
import { LOCK_MS } from '../../worker/locks.ts';
import { startWorker } from '../../worker/worker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, ids, startLife } from '../support/life.ts';
import { collectLog } from '../support/log.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { startStored } from '../support/stored.ts';

/** A Redis of its own, and a task `hold` whose runs wait for `open`. */
async function start(given: Partial<Config> = {}) {
  const { url } = await ownRedis();
  const life = await startLife({ redisUrl: url, ...given });
  await eventually(() => life.broker.queues().then(() => true));
  const redis = testRedis(url);
  const { open, opened } = gate();
  const runs: string[] = [];
  const task = defineTask('hold', {
    async run(_: object, { id }) {
      runs.push(id);
      await opened;
      return 'done';
    },
  });
  return {
    ...life,
    redis,
    task,
    runs,
    open,
    /** Whatever may take memory is refused. */
    fill: (isFull = true) => redis.config('SET', 'maxmemory', isFull ? '1mb' : '0'),
    refuse: (isRefusing: boolean) =>
      redis.config('SET', 'min-replicas-to-write', isRefusing ? 1 : 0),
  };
}

/** Starts a worker, which may wait for Redis; its log. */
function startLogged(config: Config, task: Task) {
  const { log, lines } = collectLog('info');
  const registry = createRegistry([[task, 'the test']]);
  const worker = startWorker({ config, registry, queues: [{ name: 'default' }], name: 'w1', log });
  defer(async () => (await worker).stop(AbortSignal.abort()));
  return { worker, lines, said: (text: string) => lines.filter(({ msg }) => msg.includes(text)) };
}

type Test = Awaited<ReturnType<typeof start>>;

/** Resolves when the key, which lives for `ttlMs`, has been renewed from now on. */
async function renewed({ redis }: Test, key: string, ttlMs: number): Promise<void> {
  const left = () => redis.pttl(key);
  await eventually(async () => (await left()) < ttlMs - 500);
  await eventually(async () => (await left()) > ttlMs - 500);
}

const warnings = ({ lines }: ReturnType<typeof startLogged>) =>
  lines.filter(({ level, msg }) => level > 30 && !/nearly full/.test(msg));

for (const batching of ['on', 'off'] as const) {
  describe(`a full Redis, batching ${batching}`, () => {
    it('gives its tasks to a worker that starts, and takes how they end', async () => {
      const test = await start({ batching });
      await test.send('hold', ids(100));
      await test.fill();
      const started = startLogged(test.config, test.task);
      test.open();
      await started.worker;
      await eventually(async () => expect(await test.broker.workers()).to.have.length(1));
      for (const id of ids(100)) expect(await test.end(id)).to.include({ state: 'SUCCESS' });
      const [entry] = await test.broker.registry();
      expect(entry).to.deep.include({ name: 'hold', workers: ['w1'] });
      expect(warnings(started)).to.deep.equal([]);
    });
  });
}

describe('a full Redis', () => {
  it('has locks and heartbeats renewed, and warns of nothing', async () => {
    const test = await start();
    const started = startLogged(test.config, test.task);
    await started.worker;
    await test.send('hold', ['a']);
    await eventually(() => test.runs.length === 1);
    await test.fill();
    await renewed(test, `${test.keys.job('default', 'a')}:lock`, LOCK_MS);
    await renewed(test, test.keys.worker('w1'), 10_000);
    expect(await test.read('a')).to.include({ state: 'STARTED' });
    expect(warnings(started)).to.deep.equal([]);
  });

  it('has the tasks of a lost worker run by another one', async () => {
    const test = await start();
    await test.send('hold', ['a']);
    await startStored(test, 'a', Date.now());
    await test.redis.del(`${test.keys.job('default', 'a')}:lock`);
    test.open();
    await test.fill();
    await startLogged(test.config, test.task).worker;
    expect(await test.end('a', 20_000)).to.include({ state: 'SUCCESS', worker: 'w1' });
  });

  it('has tasks revoked that wait or run', async () => {
    const test = await start({ concurrency: 1 });
    await startLogged(test.config, test.task).worker;
    await test.send('hold', ['runs', 'waits']);
    await eventually(() => test.runs.length === 1);
    await test.fill();
    await test.broker.revoke('waits', false);
    await test.broker.revoke('runs', true);
    for (const id of ['waits', 'runs']) {
      expect(await test.end(id)).to.include({ state: 'REVOKED' });
    }
  });

  it('lets tasks with limits have their turns', async () => {
    const test = await start();
    const { run } = test.task;
    const limited = defineTask('hold', { maxConcurrency: 2, run });
    await test.send('hold', ids(10));
    await test.fill();
    await startLogged(test.config, limited).worker;
    await eventually(() => test.runs.length === 2);
    test.open();
    for (const id of ids(10)) expect(await test.end(id)).to.include({ state: 'SUCCESS' });
  });

  it('lets a task begin that may run once only', async () => {
    const test = await start();
    const once = defineTask('hold', { acksLate: false, run: test.task.run });
    await test.send('hold', ['a']);
    await test.fill();
    await startLogged(test.config, once).worker;
    test.open();
    expect(await test.end('a')).to.include({ state: 'SUCCESS' });
  });
});

describe('a worker that starts while Redis takes no writes', () => {
  it('waits with one line in its log, and runs what is there as soon as it may', async () => {
    const test = await start();
    await test.send('hold', ids(20));
    await test.refuse(true);
    test.open();
    const started = startLogged(test.config, test.task);
    await eventually(() => started.said('Redis refuses commands').length === 1);
    const refused = async () =>
      Number(/errorstat_NOREPLICAS:count=(\d+)/.exec(await test.redis.info('errorstats'))?.[1]);
    const before = await refused();
    await eventually(async () => (await refused()) >= before + 3);
    expect(started.lines.filter(({ level }) => level > 30)).to.have.length(1);
    await test.refuse(false);
    await started.worker;
    await eventually(() => started.said('Redis takes commands again').length === 1);
    for (const id of ids(20)) expect(await test.end(id)).to.include({ state: 'SUCCESS' });
  });
});
