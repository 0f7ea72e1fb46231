/** Tasks of plain BullMQ producers, which may say and do what Kaje's never do; and tasks that come back. */

import { Queue } from 'bullmq';
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { WorkerLostError } from '../../shared/taskErrors.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, startLife } from '../support/life.ts';
import { testRedis } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

const fails = defineTask('fails', {
  run() {
    throw new RangeError('no');
  },
});
const works = defineTask('works', { run: () => 'done' });

async function startForeign() {
  const life = await startLife();
  const queue = new Queue('default', { connection: testRedis(), prefix: life.config.prefix });
  defer(() => queue.close());
  // So that ids can be looked up in it.
  await life.redis.sadd(life.keys.queues, 'default');
  return { ...life, queue };
}

describe('a task of a plain BullMQ producer', () => {
  it('whose options make no sense spoils none of those that end with it', async () => {
    const { queue, config, end } = await startForeign();
    // BullMQ takes it.
    const odd = { attempts: 'many' as unknown as number };
    const names = ['works', 'fails', 'works', 'fails'];
    const jobs = names.map((name, i) => ({
      name,
      data: {},
      opts: { jobId: `t${i}`, ...(i === 1 ? odd : {}) },
    }));
    await queue.addBulk(jobs);
    await startTestWorker(config, [works, fails]);
    const states = await Promise.all(jobs.map(async ({ opts }) => (await end(opts.jobId)).state));
    expect(states).to.deep.equal(['SUCCESS', 'FAILURE', 'SUCCESS', 'FAILURE']);
  });

  it('without a number of attempts fails as any other, and is counted', async () => {
    const { queue, config, redis, keys, end } = await startForeign();
    await queue.add('fails', {}, { jobId: 't1' });
    await redis.hset(keys.job('default', 't1'), 'opts', '{}');
    const worker = await startTestWorker(config, [fails]);
    expect(await end('t1')).to.include({ state: 'FAILURE' });
    await eventually(() => worker.consumers[0]?.totals.failed === 1);
  });

  it('that returns while a child of it waits is a failure, as BullMQ has it', async () => {
    const { queue, config, keys, end } = await startForeign();
    const parent = defineTask('parent', {
      async run(_: object, { id }) {
        const opts = { parent: { id, queue: keys.queueBase('default').slice(0, -1) } };
        await queue.add('never', {}, { ...opts, delay: 600_000 });
      },
    });
    await startTestWorker(config, [parent]);
    await queue.add('parent', {}, { jobId: 't1' });
    const { state, error } = await end('t1');
    expect(state).to.equal('FAILURE');
    expect(error?.message).to.contain('pending dependencies');
  });

  it('waits no longer than the rate limit of its queue', async () => {
    const { queue, config, end } = await startForeign();
    await queue.setGlobalRateLimit(1, 200);
    await startTestWorker(config, [works]);
    await queue.addBulk(
      ['t1', 't2', 't3'].map((jobId) => ({ name: 'works', data: {}, opts: { jobId } })),
    );
    // One after the other; a look without news comes after 5 s only.
    for (const id of ['t1', 't2', 't3']) await end(id, 4000);
  });
});

describe('a worker that stops while a task still runs', () => {
  it('leaves the next task to others at once', async () => {
    const life = await startLife();
    const { open, opened } = gate();
    const hold = defineTask('hold', { run: () => opened });
    const first = await startTestWorker(life.config, [hold, works]);
    await life.send('hold', ['a']);
    await life.becomes('a', 'STARTED');
    // It waits for tasks, and longer than the other one.
    await eventually(async () => /cmd=bzpopmin/.test(String(await life.redis.client('LIST'))));
    await startTestWorker(life.config, [works]);
    const stopped = first.stop();
    await life.send('works', ['b']);
    expect(await life.end('b', 3000)).to.include({ state: 'SUCCESS' });
    open();
    await stopped;
  });
});

describe('a task that was lost and comes back to the same worker', () => {
  it('is run by its new run; the old one is told that it is nobody’s', async () => {
    const life = await startLife();
    const { redis, keys } = life;
    const { open, opened } = gate();
    const seen: TaskContext[] = [];
    const hold = defineTask('hold', {
      run(_: object, ctx) {
        seen.push(ctx);
        return opened.then(() => ctx.worker);
      },
    });
    await startTestWorker(life.config, [hold]);
    await life.send('hold', ['a']);
    await life.becomes('a', 'STARTED');
    const base = keys.queueBase('default');
    // As a look for lost tasks puts it back.
    await redis
      .multi()
      .del(`${base}a:lock`)
      .lrem(`${base}active`, 1, 'a')
      .rpush(`${base}wait`, 'a')
      .zadd(`${base}marker`, 0, '0')
      .exec();
    await eventually(() => seen.length === 2);
    expect(seen[0]?.signal.reason).to.be.instanceOf(WorkerLostError);
    open();
    expect(await life.end('a')).to.include({ state: 'SUCCESS' });
    expect(seen[1]?.signal.aborted).to.equal(false);
  });
});
