import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import type { Broker } from '../../shared/broker.ts';
import { loadConfig } from '../../shared/config.ts';
import { createRegistry } from '../../shared/registry.ts';
import { defineTask } from '../../shared/task.ts';
import { describeConfig, isSmall, readRegistered } from '../../worker/inspection.ts';
import { type RunningWorker, startWorker } from '../../worker/worker.ts';
import { add, hold } from '../fixtures/quick.ts';
import { messageOf, startTestBroker } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

const paced = defineTask('paced', { rateLimit: '10/m', timeLimit: 60, run: () => 1 });

async function startTest() {
  const test = await startTestBroker();
  const worker = await startTestWorker(
    test.config,
    [add, hold, paced],
    [{ name: 'default' }, { name: 'mail', concurrency: 3 }],
  );
  return { ...test, ask: (command: string) => askOf(test.broker, worker, command) };
}

async function askOf(broker: Broker, { name }: RunningWorker, command: string) {
  const { byWorker } = await broker.ask({ command, timeoutMs: 20_000 });
  const answer = byWorker.get(name);
  if (!answer || 'error' in answer) throw new Error(JSON.stringify(answer));
  // any: tests look into it.
  return answer.ok as any;
}

const SIZES: readonly [title: string, value: unknown, small: boolean][] = [
  ['nothing', null, true],
  ['a few numbers', [1, 2, 3], true],
  ['a text of 1,000 letters', 'x'.repeat(1000), true],
  ['a text of 2,000 letters', 'x'.repeat(2000), false],
  ['a long key', { ['k'.repeat(2000)]: 1 }, false],
  ['many empty lists', Array.from({ length: 200 }, () => []), false],
  ['much deep inside', { a: { b: [{ c: 'x'.repeat(2000) }] } }, false],
  ['a list of a million', new Array(1_000_000).fill(0), false],
];

describe('what a worker tells of itself', () => {
  for (const [title, value, small] of SIZES) {
    it(`${small ? 'shows' : 'leaves out'} arguments that are ${title}`, () => {
      expect(isSmall(value)).to.equal(small);
    });
  }

  it('names running tasks, longest first, without arguments that are too large', async () => {
    const { broker, ask } = await startTest();
    const send = (id: string, kwargs: Record<string, unknown>, given = {}) =>
      broker.add([messageOf(id, { name: 'hold', body: { kwargs, ...given } })]);
    await send('first', { note: 'x'.repeat(5000) }, { priority: 8 });
    await eventually(async () => (await ask('active')).length === 1);
    await send('second', { ms: 60_000 });
    await eventually(async () => (await ask('active')).length === 2);
    const [first, second] = await ask('active');
    expect(first).to.include({ task_id: 'first', priority: 8, args: null, kwargs: null });
    expect(second).to.deep.include({ task_id: 'second', args: [], kwargs: { ms: 60_000 } });
  });

  it('shows a task that was lost with a worker as what it is: in a process, apart from all others', async () => {
    const { broker, redis, keys, config } = await startTestBroker();
    await broker.add([messageOf('lost', { name: 'hold' })]);
    await redis.hset(keys.job('default', 'lost'), { stc: 1, ats: 1 });
    const worker = await startWorker({
      config,
      registry: createRegistry([[hold, 'quick.ts']]),
      queues: [{ name: 'default' }],
      modules: [fileURLToPath(new URL('../fixtures/quick.ts', import.meta.url))],
      log: silentLog(),
    });
    defer(() => worker.stop(AbortSignal.abort()));
    const quarantine = { children: 1, busy: 1, idle: 0 };
    await eventually(async () => {
      const { children } = await askOf(broker, worker, 'stats');
      return isDeepStrictEqual(children, { quarantine });
    });
    const [lost] = await askOf(broker, worker, 'active');
    expect(lost).to.include({ task_id: 'lost', run_in: 'process' });
  });

  it('takes no tasks ahead, so that none are reserved', async () => {
    const { ask } = await startTest();
    expect(await ask('reserved')).to.deep.equal([]);
  });

  it('lists the hundred tasks due next of its own queues', async () => {
    const { broker, ask } = await startTest();
    const due = (i: number) => Date.now() + 3_600_000 - i * 1000;
    const inQueue = (queue: string, count: number) =>
      Array.from({ length: count }, (_, i) =>
        messageOf(`${queue}-${i}`, { queue, body: { kwargs: {}, eta: due(i) } }),
      );
    await broker.add([...inQueue('default', 90), ...inQueue('mail', 90), ...inQueue('other', 9)]);
    const scheduled: { eta: string; queue: string; task_id: string; name: string }[] =
      await ask('scheduled');
    expect(scheduled).to.have.length(100);
    expect(new Set(scheduled.map(({ queue }) => queue))).to.deep.equal(
      new Set(['default', 'mail']),
    );
    const times = scheduled.map(({ eta }) => eta);
    expect(times).to.deep.equal([...times].sort());
    expect(scheduled.slice(0, 2).map(({ task_id: id }) => id)).to.have.members([
      'default-89',
      'mail-89',
    ]);
    expect(scheduled[0]).to.include({ name: 'add' });
  });

  it('remembers the last thousand ids that it was told to revoke', async () => {
    const { broker, ask, keys, redis } = await startTest();
    await broker.add([messageOf('runs', { name: 'hold' })]);
    await eventually(async () => (await ask('active')).length === 1);
    await broker.revoke('runs', false);
    await eventually(async () => (await ask('revoked')).includes('runs'));
    const ids = Array.from({ length: 1200 }, (_, i) => `id-${i}`);
    const tell = (some: unknown) =>
      redis.publish(
        keys.control,
        JSON.stringify({ id: 'x', command: 'revoke', args: { ids: some, terminate: false } }),
      );
    await tell(ids.slice(0, 700));
    await tell('no list');
    await tell(ids.slice(700));
    await eventually(async () => (await ask('revoked')).at(-1) === 'id-1199');
    expect(await ask('revoked')).to.deep.equal(ids.slice(-1000));
  });

  it('shows its tasks with the limits that hold now', async () => {
    const { broker, ask } = await startTest();
    const limitsOf = async () => {
      const tasks: { name: string; options: object }[] = await ask('registered');
      return tasks.find(({ name }) => name === 'paced')?.options;
    };
    expect(await limitsOf()).to.include({ rate_limit: '10/m', time_limit: 60, queue: 'default' });
    await broker.setLimits('paced', { rate_limit: '7/s' });
    expect(await limitsOf()).to.include({ rate_limit: '7/s', time_limit: 60 });
  });

  it('shows what its own settings say where a task says nothing, and none where 0 was set', async () => {
    const { broker, redis, keys } = await startTest();
    const config = loadConfig({}, { runIn: 'process', timeLimit: 1800, softTimeLimit: 1700 });
    const registry = createRegistry([add, paced].map((task) => [task, 'the test']));
    const optionsOf = async (task: string) => {
      const tasks = await readRegistered(redis, keys, { registry, config });
      return tasks.find(({ name }) => name === task)?.options;
    };
    const own = { run_in: 'process', time_limit: 1800, soft_time_limit: 1700 };
    expect(await optionsOf('add')).to.include(own);
    expect(await optionsOf('paced')).to.include({ run_in: 'process', time_limit: 60 });
    const specs = await broker.specs();
    expect(specs.get('add')?.options).to.include({ run_in: null, time_limit: null });
    await broker.setLimits('add', { time_limit: 0, soft_time_limit: 0 });
    expect(await optionsOf('add')).to.include({ time_limit: null, soft_time_limit: null });
  });

  it('counts what it has done and what it uses', async () => {
    const { broker, ask } = await startTest();
    await broker.add([messageOf('a', { body: { kwargs: { a: 1, b: 2 } } })]);
    const stats = await eventually(async () => {
      const found = await ask('stats');
      return found.totals.succeeded === 1 && found;
    });
    expect(stats).to.include({ pid: process.pid, active: 0 });
    expect(stats).to.have.all.keys(
      ...['pid', 'version', 'uptime', 'active', 'totals', 'queues', 'memory', 'cpu'],
      ...['loop_lag_ms', 'children'],
    );
    const [first, second] = stats.queues;
    const totals = { fetched: 1, succeeded: 1, failed: 0, retried: 0 };
    const own = { name: 'default', concurrency: 20, active: 0, totals, autoscale: null };
    expect(first).to.deep.equal(own);
    expect(second).to.include({ name: 'mail', concurrency: 3 });
    expect(stats.memory.rss_mb).to.be.greaterThan(10);
    expect(stats.cpu.user).to.be.greaterThan(0);
  });

  it('hides passwords in its settings', () => {
    const conf = describeConfig(loadConfig({}, { redisUrl: 'redis://kaje:s3cret@host:6380/2' }));
    expect(conf).to.include({ redis_url: 'redis://***@host:6380/2', concurrency: 20 });
    expect(JSON.stringify(conf)).not.to.include('s3cret');
  });

  it('refuses commands that it does not know, and arguments that make no sense', async () => {
    const { broker } = await startTest();
    const said = async (command: string, args: Record<string, unknown> = {}) => {
      const { byWorker } = await broker.ask({ command, args, timeoutMs: 20_000 });
      return [...byWorker.values()][0];
    };
    for (const command of ['nonsense', 'constructor', '__proto__']) {
      const error = `it does not know the command "${command}"`;
      expect(await said(command)).to.deep.equal({ error });
    }
    expect(await said('pool_grow', { n: 'many' }))
      .to.have.property('error')
      .that.matches(/\/n: /);
    const needed = [
      ['add_consumer', 'queue'],
      ['cancel_consumer', 'queue'],
      ['autoscale', 'max'],
    ] as const;
    for (const [command, name] of needed) {
      const error = `/${name}: is required by ${command}`;
      expect(await said(command)).to.deep.equal({ error });
    }
  });
});
