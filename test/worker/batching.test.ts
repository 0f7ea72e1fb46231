/** Batches, and the switch that turns them off. */
import { expect } from 'chai';
import { createKeys, SHARDS } from '../../shared/keys.ts';
import { defineTask } from '../../shared/task.ts';
import { eventually } from '../support/eventually.ts';
import { ids, startLife } from '../support/life.ts';
import { commandsDuring } from '../support/monitor.ts';
import { testRedis } from '../support/redis.ts';
import { startTestWorker } from '../support/worker.ts';

const SLOTS = [{ name: 'default', concurrency: 100 }];
const COUNT = 200;

/** Scripts that a worker runs for 200 tasks, and how all of them ended. */
async function scriptsFor(batching: 'on' | 'off') {
  const life = await startLife({ batching });
  const task = defineTask('note', {
    run({ fails }: { fails?: boolean }) {
      if (fails) throw new RangeError('no');
      return { ok: true };
    },
  });
  const worker = await startTestWorker(life.config, [task], SLOTS);
  await life.send('note', ['warm']);
  await life.end('warm');
  const some = ids(COUNT);
  const scripts = await commandsDuring(life.config.prefix, async () => {
    await life.send('note', some.slice(0, COUNT / 2));
    await life.send('note', some.slice(COUNT / 2), { kwargs: { fails: true } });
    await eventually(async () => {
      const [queue] = await life.broker.queues();
      return queue?.succeeded === COUNT / 2 + 1 && queue.failed === COUNT / 2;
    });
  });
  expect(worker.consumers[0]?.totals).to.deep.equal({
    fetched: COUNT + 1,
    succeeded: COUNT / 2 + 1,
    failed: COUNT / 2,
    retried: 0,
  });
  expect(await life.read('t00000')).to.deep.include({ state: 'SUCCESS', result: { ok: true } });
  const failed = await life.read(`t00${COUNT - 1}`);
  expect(failed).to.include({ state: 'FAILURE', retries: 0 });
  expect(failed.error).to.include({ type: 'RangeError', message: 'no' });
  return scripts.filter((name) => name === 'evalsha').length;
}

describe('a worker', () => {
  it('takes and files many tasks by one script', async () => {
    expect(await scriptsFor('on')).to.be.below(COUNT / 2);
  });

  for (const batching of ['on', 'off'] as const) {
    it(`tells of each task that ends, once and when it is stored, with batching ${batching}`, async () => {
      const { send, config } = await startLife({ batching });
      const subscriber = testRedis(config.redisUrl);
      const told: string[] = [];
      subscriber.on('message', (_channel, message: string) => told.push(...message.split(',')));
      const { changes, job } = createKeys(config.prefix);
      await subscriber.subscribe(...Array.from({ length: SHARDS }, (_, shard) => changes(shard)));
      const redis = testRedis(config.redisUrl);
      const stored: (string | null)[] = [];
      subscriber.on('message', async (_channel, message: string) => {
        for (const id of message.split(',')) {
          stored.push(await redis.hget(job('default', id), 'finishedOn'));
        }
      });
      const tasks = [
        defineTask('note', { run: () => 1 }),
        defineTask('fail', {
          run() {
            throw new Error('no');
          },
        }),
      ];
      await startTestWorker(config, tasks, SLOTS);
      const [good, bad] = [ids(COUNT / 2), ids(COUNT / 2, 'f')];
      await Promise.all([send('note', good), send('fail', bad)]);
      await eventually(() => stored.length >= COUNT);
      expect(told.sort()).to.deep.equal([...good, ...bad].sort());
      expect(stored).not.to.include(null);
    });
  }

  it('takes and files each by a script of BullMQ where batching is off', async () => {
    expect(await scriptsFor('off')).to.be.above(COUNT);
  });
});
