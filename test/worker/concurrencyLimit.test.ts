/** `maxConcurrency`: so many runs of a task at once over all workers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { createConsumer } from '../../worker/consumer.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { ids, startLife } from '../support/life.ts';
import { gatedTask, parked } from '../support/limited.ts';
import { testTools } from '../support/tools.ts';
import { runWorkerProcess, startTestWorker } from '../support/worker.ts';

const LOST = fileURLToPath(new URL('../fixtures/lost.ts', import.meta.url));

describe('a limit of runs at once', () => {
  it('is never exceeded over two workers, and used whole', async () => {
    const life = await startLife();
    let now = 0;
    let most = 0;
    const task = defineTask('single', {
      maxConcurrency: 3,
      async run() {
        most = Math.max(most, ++now);
        await sleep(20);
        now--;
      },
    });
    await startTestWorker(life.config, [task]);
    await startTestWorker(life.config, [task]);
    await life.send('single', ids(60));
    for (const id of ids(60)) await life.end(id);
    expect(most).to.equal(3);
  });

  it('lets others run meanwhile, also with one slot', async () => {
    const life = await startLife();
    const { task, letGo, running } = gatedTask(1);
    const other = defineTask('other', { run: () => 'ran' });
    await startTestWorker(life.config, [task, other], [{ name: 'default', concurrency: 2 }]);
    await life.send('single', ids(10));
    await life.send('other', ['o']);
    expect(await life.end('o')).to.include({ state: 'SUCCESS' });
    expect(running()).to.have.length(1);
    letGo(running()[0] ?? '');
  });

  it('starts those that wait in the order in which they came', async () => {
    const life = await startLife();
    const { task, order, letGo } = gatedTask(2);
    await startTestWorker(life.config, [task]);
    await life.send('single', ids(8));
    await parked(life, 6);
    for (const [i, id] of ids(8).entries()) {
      await eventually(() => order.length >= Math.min(8, i + 2));
      letGo(id);
    }
    await life.end('t00007');
    expect(order).to.deep.equal(ids(8));
  });

  it('passes nobody over for which a place became free on its way into the line', async () => {
    const life = await startLife();
    const task = defineTask('single', { maxConcurrency: 1, run: () => sleep(1) });
    // A consumer alone: nobody looks after those that were passed over.
    const tools = testTools(life.config, [task]);
    const consumer = createConsumer({ queue: 'default', concurrency: 10, tools });
    defer(() => consumer.stop(AbortSignal.abort()));
    for (const id of ids(40)) {
      await life.send('single', [id, `${id}-beside`]);
      for (const each of [id, `${id}-beside`]) {
        expect(await life.end(each)).to.include({ state: 'SUCCESS' });
      }
    }
  });

  const endings: readonly [why: string, options: TaskOptions, run: () => unknown][] = [
    ['fails', {}, () => Promise.reject(new Error('no'))],
    ['takes too long', { timeLimit: 0.05 }, () => sleep(60_000)],
    ['is retried', { retry: { max: 1, delay: 3600, jitter: false } }, () => Promise.reject()],
  ];
  for (const [why, options, run] of endings) {
    it(`is free again when a run ${why}`, async () => {
      const life = await startLife();
      let runs = 0;
      const task = defineTask('single', {
        maxConcurrency: 1,
        ...options,
        run: () => (++runs === 1 ? run() : undefined),
      });
      await startTestWorker(life.config, [task]);
      await life.send('single', ['a', 'b']);
      expect(await life.end('b', 5000)).to.include({ state: 'SUCCESS' });
      expect(await life.read('a')).not.to.include({ state: 'PENDING' });
    });
  }

  it('skips what was revoked while it waited', async () => {
    const life = await startLife();
    const { task, order, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task]);
    await life.send('single', ['a', 'b', 'c']);
    await parked(life, 2);
    await life.broker.revoke('b', false);
    letGo('a');
    await eventually(() => order.includes('c'));
    letGo('c');
    await life.end('c');
    expect(order).to.deep.equal(['a', 'c']);
  });

  it('goes to the next one when the one whose turn it is has expired', async () => {
    const life = await startLife();
    const { task, order, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task]);
    await life.send('single', ['a']);
    await life.becomes('a', 'STARTED');
    // Parked by then, also on a busy machine.
    const expires = Date.now() + 1500;
    await life.send('single', ['b'], { expires });
    await life.send('single', ['c']);
    await parked(life, 2);
    await sleep(expires - Date.now() + 20);
    letGo('a');
    await eventually(() => order.includes('c'));
    expect(await life.read('b')).to.include({ state: 'REVOKED' });
    letGo('c');
  });

  it('goes to the next one when the one whose turn it is was revoked on its way', async () => {
    const life = await startLife();
    const { task, order, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task]);
    await life.send('single', ['a', 'b', 'c']);
    await parked(life, 2);
    await life.broker.pause('default', true);
    letGo('a');
    await parked(life, 1);
    await life.broker.revoke('b', false);
    await life.broker.pause('default', false);
    await eventually(() => order.includes('c'));
    letGo('c');
  });

  it('is free again when a run that does not listen is terminated', async () => {
    const life = await startLife();
    const { task, order, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task]);
    await life.send('single', ['a', 'b']);
    await parked(life, 1);
    await life.broker.revoke('a', true);
    await eventually(() => order.includes('b'));
    letGo('a');
    letGo('b');
    await life.end('b');
  });

  it('keeps the priority of those that waited', async () => {
    const life = await startLife();
    const { task, letGo } = gatedTask(1);
    const { redis, keys, broker } = life;
    await startTestWorker(life.config, [task]);
    await life.send('single', ['a']);
    await life.becomes('a', 'STARTED');
    await life.send('single', ['b'], { priority: 9 });
    await parked(life, 1);
    await broker.pause('default', true);
    letGo('a');
    const prioritized = `${keys.queueBase('default')}prioritized`;
    await eventually(async () => (await redis.zrange(prioritized, '0', '-1'))[0] === 'b');
    expect(await redis.llen(`${keys.queueBase('default')}wait`)).to.equal(0);
    await broker.pause('default', false);
    await life.becomes('b', 'STARTED');
    letGo('b');
  });

  it('does not touch those that wait when another worker starts', async () => {
    const life = await startLife();
    const { task, letGo } = gatedTask(1);
    await startTestWorker(life.config, [task]);
    await life.send('single', ['a', ...ids(20)]);
    await parked(life, 20);
    const starts = () =>
      Promise.all(ids(20).map((id) => life.redis.hget(life.keys.job('default', id), 'ats')));
    const before = await starts();
    await startTestWorker(life.config, [task]);
    await life.send('single', ['last']);
    await parked(life, 21);
    expect(await starts()).to.deep.equal(before);
    letGo('a');
  });
});

describe('a limit of runs at once whose worker is killed', () => {
  for (const [why, revoked] of [
    ['holds for the task that it ran, which comes first', false],
    ['is free again where that task was revoked', true],
  ] as const) {
    it(why, async () => {
      const life = await startLife();
      const { redis, keys, config, broker } = life;
      const doomed = await runWorkerProcess(config, ['--tasks', LOST]);
      await life.send('single', ids(3));
      await parked(life, 2);
      const held = await eventually(async () => {
        const [first] = await redis.lrange(`${config.prefix}.runs:single`, 0, -1);
        return first;
      });
      doomed.child.kill('SIGKILL');
      await doomed.ended;
      // As if its 14 s were over.
      await redis.del(`${keys.job('default', held)}:lock`);
      if (revoked) await broker.revoke(held, false);
      const { task, order, letGo } = gatedTask(1);
      await startTestWorker(config, [task]);
      const expected = revoked ? ids(3).slice(1) : ids(3);
      for (const [i, id] of expected.entries()) {
        await eventually(() => order.length === i + 1);
        letGo(id);
      }
      expect(order).to.deep.equal(expected);
    });
  }
});
