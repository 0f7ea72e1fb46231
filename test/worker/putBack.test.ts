/** What somebody has flushed, or Redis has evicted, of all that workers publish: they put it back. */
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { startTestApi } from '../support/api.ts';
import { publish } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';
import { startLife } from '../support/life.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { startTestWorker } from '../support/worker.ts';

const noop = defineTask('noop', { run: () => 'done' });
const LIMIT = { max_concurrency: 7 };

/** A worker on a Redis of its own, and a limit that was set at run time and has come to the worker. */
async function start() {
  const { url } = await ownRedis();
  const life = await startLife({ redisUrl: url, resultExpires: 1234 });
  await eventually(() => life.broker.queues().then(() => true));
  await startTestWorker(life.config, [noop], [{ name: 'default' }, { name: 'other' }]);
  await life.broker.setLimits('noop', LIMIT);
  const redis = testRedis(url);
  const { keys } = life;
  const stored = async () => ({
    registry: await redis.hkeys(keys.registry),
    queues: (await redis.smembers(keys.queues)).sort(),
    meta: await redis.hgetall(keys.queueMeta('other')),
    limits: await redis.hgetall(keys.limits),
    workers: (await life.broker.workers()).length,
  });
  // The worker reads them when it is told, and now and then.
  const reads = async () =>
    Number(/cmdstat_hgetall:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1]);
  const before = await reads();
  await eventually(async () => (await reads()) > before);
  return { ...life, redis, stored };
}

describe('what a worker has published', () => {
  it('is all back within seconds of a flush, and an API that was started since takes its tasks', async () => {
    const { config, redis, stored, end } = await start();
    const before = await stored();
    expect(before).to.deep.include({
      registry: ['noop'],
      queues: ['default', 'other'],
      workers: 1,
    });
    expect(before.meta).to.deep.equal({ 'opts.maxLenEvents': '100', 'kaje.resultExpires': '1234' });
    await redis.flushall();
    await eventually(async () => expect(await stored()).to.deep.equal(before));
    const api = await startTestApi({ redisUrl: config.redisUrl, prefix: config.prefix });
    const sent = await api.post('/v1/send_task', { name: 'noop', task_id: 'a' });
    expect(sent.status).to.equal(202);
    expect(await end('a')).to.include({ state: 'SUCCESS' });
  });

  for (const [what, take] of [
    ['its tasks', ({ redis, keys }) => redis.del(keys.registry)],
    ['one of its tasks', ({ redis, keys }) => redis.hdel(keys.registry, 'noop')],
    ['the names of its queues', ({ redis, keys }) => redis.del(keys.queues)],
    ['the settings of a queue', ({ redis, keys }) => redis.del(keys.queueMeta('other'))],
    ['the limits of its tasks', ({ redis, keys }) => redis.del(keys.limits)],
  ] as const satisfies readonly [string, (test: Awaited<ReturnType<typeof start>>) => unknown][]) {
    it(`comes back where Redis has evicted ${what}`, async () => {
      const test = await start();
      const before = await test.stored();
      await take(test);
      await eventually(async () => expect(await test.stored()).to.deep.equal(before));
    });
  }

  it('does not come back over what others have published and set since', async () => {
    const { redis, keys, broker, stored } = await start();
    await redis.flushall();
    const changed = { ...noop, options: { ...noop.options, maxConcurrency: 3 } };
    await publish({ redis, keys }, [changed]);
    await broker.setLimits('noop', { max_concurrency: 9 });
    await eventually(async () => expect((await stored()).queues).to.have.length(2));
    expect((await stored()).limits).to.deep.equal({ noop: '{"max_concurrency":9}' });
  });

  it('has a limit taken back for good by whoever gives it back to the task', async () => {
    const { redis, keys, broker } = await start();
    await broker.setLimits('noop', { max_concurrency: null });
    expect(await redis.hgetall(keys.limits)).to.deep.equal({ noop: '{}' });
  });
});
