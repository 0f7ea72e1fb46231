/** Priorities 0 to 9: 9 first, 5 where none is given; first in, first out inside one. */
import { createRequire } from 'node:module';
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { changeScripts } from '../../worker/bullScripts.ts';
import { createPatience } from '../../worker/refusals.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, ids, type Life, startLife } from '../support/life.ts';
import { commandsDuring } from '../support/monitor.ts';
import { silentLog, testRedis } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

/** Notes the order in which it ran. */
function notingTask(options: TaskOptions = {}, run: (id: string) => unknown = () => undefined) {
  const order: string[] = [];
  const task = defineTask('note', {
    ...options,
    run(_: object, { id }) {
      order.push(id);
      return run(id);
    },
  });
  return { task, order };
}

const ONE = [{ name: 'default', concurrency: 1 }];

const prioritized = ({ redis, keys }: Life, queue = 'default') =>
  redis.zrange(`${keys.queueBase(queue)}prioritized`, '0', '-1');

describe('priorities', () => {
  it('let a 9 overtake 10,000 tasks that have none', async () => {
    const life = await startLife();
    const { task, order } = notingTask();
    await life.send('note', ids(10_000));
    await life.send('note', ['urgent'], { priority: 9 });
    const worker = await startTestWorker(life.config, [task], ONE);
    await eventually(() => order.length >= 3);
    await worker.stop();
    expect(order.slice(0, 3)).to.deep.equal(['urgent', 't00000', 't00001']);
  });

  it('order all levels, first in, first out inside each', async () => {
    const life = await startLife();
    const { task, order } = notingTask();
    const sent = [5, 0, 9, 6, 1, 4, 8, 5, 2, 3, 7, 9, 0, 6, 5];
    for (const [i, priority] of sent.entries()) {
      const body = priority === 5 ? {} : { priority };
      await life.send('note', [`p${priority}-${String(i).padStart(2, '0')}`], body);
    }
    await startTestWorker(life.config, [task], ONE);
    await eventually(() => order.length === sent.length);
    const levels = order.map((id) => Number(id[1]));
    expect(levels).to.deep.equal([...sent].sort((a, b) => b - a));
    for (const level of levels) {
      const same = order.filter((id) => id.startsWith(`p${level}`));
      expect(same).to.deep.equal([...same].sort());
    }
  });

  it('hold for the task that is fetched as another one ends, fails, or is put off', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    const fail = () => {
      throw new Error('no');
    };
    const { task, order } = notingTask({}, (id) => (id === 'first' ? opened.then(fail) : id));
    const { task: retried, order: retries } = notingTask({ retry: { max: 1, delay: 3600 } }, fail);
    const other = defineTask('other', { ...retried.options, run: retried.run });
    await startTestWorker(life.config, [task, other], ONE);
    await life.send('note', ['first']);
    await eventually(() => order.length === 1);
    await life.send('note', ['low'], { priority: 1 });
    await life.send('other', ['none']);
    await life.send('note', ['high-1', 'high-2'], { priority: 8 });
    open();
    await eventually(() => order.length === 4);
    expect(order).to.deep.equal(['first', 'high-1', 'high-2', 'low']);
    expect(retries).to.deep.equal(['none']);
  });

  it('are kept by retries and by tasks that are due later', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    const { task, order } = notingTask({}, (id) => (id === 'block' ? opened : undefined));
    const flaky = defineTask('flaky', {
      // Long enough for "block" to be taken first, also on a busy machine.
      retry: { max: 1, delay: 2, jitter: false },
      run(_: object, { id, retries }) {
        if (retries === 0) throw new Error('no');
        order.push(id);
      },
    });
    await startTestWorker(life.config, [task, flaky], ONE);
    await life.send('flaky', ['retried'], { priority: 8, max_retries: 1 });
    await life.becomes('retried', 'RETRY');
    await life.send('note', ['later'], { priority: 7, eta: Date.now() + 2000 });
    await life.send('note', ['block', 'plain']);
    await eventually(() => order.length === 1);
    const etas = await Promise.all(
      ['retried', 'later'].map(async (id) => (await life.read(id)).eta),
    );
    const due = Math.max(...etas.map((eta) => Date.parse(eta ?? '')));
    await eventually(() => Date.now() > due);
    open();
    await eventually(() => order.length === 4);
    expect(order).to.deep.equal(['block', 'retried', 'later', 'plain']);
  });

  it("are kept by an operator's retry, and by a stop of the worker", async () => {
    const life = await startLife();
    const { task } = notingTask({}, () => {
      throw new Error('no');
    });
    const hold = defineTask('hold', { run: () => new Promise(() => undefined) });
    const worker = await startTestWorker(life.config, [task, hold]);
    await life.send('note', ['broken'], { priority: 8 });
    await life.end('broken');
    await life.send('hold', ['held'], { priority: 7 });
    await life.becomes('held', 'STARTED');
    await worker.stop(AbortSignal.abort());
    await life.broker.retry('broken');
    expect(await prioritized(life)).to.deep.equal(['broken', 'held']);
    expect(await life.read('broken')).to.include({ state: 'PENDING', priority: 8 });
  });

  it('are 5 by default, which is no priority to Redis', async () => {
    const life = await startLife();
    await life.send('note', ['a'], { priority: 5 });
    await life.send('note', ['b']);
    expect(await prioritized(life)).to.deep.equal([]);
    expect(await life.read('a')).to.include({ priority: 5 });
    expect(await life.read('b')).to.include({ priority: 5 });
  });
});

describe('a queue in which nobody uses priorities', () => {
  it('has no key for them, and is filled by one script', async () => {
    const life = await startLife();
    const { redis, keys, config, broker } = life;
    const { task, order } = notingTask();
    // The queue is known, the script as well.
    for (const id of ['first', 'second']) await life.send('note', [id]);
    const commands = await commandsDuring(config.prefix, () => life.send('note', ids(20)));
    expect(commands).to.deep.equal(['evalsha']);
    await startTestWorker(config, [task], ONE);
    await eventually(() => order.length === 22);
    await eventually(async () => (await broker.queues())[0]?.succeeded === 22);
    const base = keys.queueBase('default');
    expect(await redis.exists(`${base}prioritized`, `${base}pc`)).to.equal(0);
  });

  it('costs a worker no command more for each task', async () => {
    const life = await startLife();
    const { config } = life;
    const { task, order } = notingTask();
    await startTestWorker(config, [task], ONE);
    await life.send('note', ['warm']);
    await life.end('warm');
    const run = () => life.send('note', ids(50)).then(() => eventually(() => order.length === 51));
    const commands = await commandsDuring(config.prefix, run);
    const scripts = commands.filter((name) => name === 'evalsha').length;
    // One to add all, 50 to end one and take the next; renewals and looks beside them.
    expect(scripts).to.be.within(51, 66);
  });
});

describe('the fetch order', () => {
  it('refuses a BullMQ whose scripts it does not know', () => {
    const require = createRequire(import.meta.url);
    const script: { content: string } = require('bullmq/dist/cjs/scripts/index.js').moveToFinished;
    const { content } = script;
    defer(() => Object.assign(script, { content }));
    const redis = testRedis();
    expect(() => changeScripts(redis, createPatience(silentLog()))).not.to.throw();
    script.content = content.replace('RPOPLPUSH', 'LMOVE');
    expect(() => changeScripts(redis, createPatience(silentLog()))).to.throw(
      /BullMQ [\d.]+ has another moveToFinished/,
    );
  });

  it('replaces every fetch of every script that fetches', () => {
    const require = createRequire(import.meta.url);
    const scripts: Record<string, { name: string; content: string }> =
      require('bullmq/dist/cjs/scripts/index.js');
    const fetching = Object.values(scripts).filter(({ content }) =>
      /RPOPLPUSH|LMOVE/.test(content),
    );
    const names = fetching.map(({ name }) => name).sort();
    expect(names).to.deep.equal(['moveToActive', 'moveToDelayed', 'moveToFinished']);
  });
});
