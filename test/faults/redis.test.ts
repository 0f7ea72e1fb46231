/** A Redis that forgets, refuses or loads under load: it comes right by itself, and what it refused never runs. */
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import {
  configFor,
  expectPromisesKept,
  startApiProcess,
  startLoad,
  startWorkers,
} from '../support/load.ts';
import { redisProxy } from '../support/proxy.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';

async function startUnderLoad() {
  const redis = await ownRedis();
  const config = configFor(redis);
  const [{ client }] = await Promise.all([startApiProcess(config), startWorkers([config, config])]);
  const load = startLoad(client);
  await load.grow(100);
  const isRefusing = () => eventually(() => load.refused.length > 50);
  return { redis, api: client, load, operator: testRedis(redis.url), isRefusing };
}

describe('under load', () => {
  it('scripts are forgotten again and again: nobody notices', async () => {
    const { api, load, operator } = await startUnderLoad();
    for (let i = 0; i < 10; i++) {
      await operator.script('FLUSH');
      await load.grow(20);
    }
    await expectPromisesKept(api, load);
    expect(load.refused).to.deep.equal([]);
  }).timeout(240_000);

  it('Redis is full for a while: sends are refused, and what was accepted runs once', async () => {
    const { api, load, operator, isRefusing } = await startUnderLoad();
    await operator.config('SET', 'maxmemory', '1mb');
    await isRefusing();
    await operator.config('SET', 'maxmemory', '0');
    await load.grow(100);
    await expectPromisesKept(api, load);
  }).timeout(240_000);

  it('Redis is a replica for a while: sends are refused, and what was accepted runs once', async () => {
    const { api, load, operator, isRefusing } = await startUnderLoad();
    // Of nobody: it keeps its data.
    await operator.replicaof('127.0.0.1', '1');
    await isRefusing();
    await operator.replicaof('NO', 'ONE');
    await load.grow(100);
    await expectPromisesKept(api, load);
  }).timeout(240_000);

  it('another Redis takes over, and the old one keeps its connections: what was accepted runs once', async () => {
    const [before, after] = await Promise.all([ownRedis(), ownRedis()]);
    const proxy = await redisProxy(before.url);
    const config = configFor(before, proxy.url);
    const [{ client }] = await Promise.all([
      startApiProcess(config),
      startWorkers([config, config]),
    ]);
    const load = startLoad(client);
    await testRedis(after.url).replicaof('127.0.0.1', before.port);
    await load.grow(100);
    const operator = testRedis(before.url);
    await eventually(async () => /state=online/.test(await operator.info('replication')));
    proxy.leadTo(after.url);
    // It waits until the other has all there is.
    await operator.call('FAILOVER', 'TO', '127.0.0.1', after.port);
    await load.grow(200);
    await expectPromisesKept(client, load);
  }).timeout(240_000);

  it('Redis is stopped, and loads for a while: what was accepted runs', async () => {
    const { redis, api, load, operator } = await startUnderLoad();
    const fill = "for i = 1, 300000 do redis.call('SET', 'ballast:' .. i, i) end";
    await operator.eval(fill, 0);
    await redis.stop();
    await redis.start();
    await load.grow(100);
    expect(load.refused).not.to.deep.equal([]);
    await expectPromisesKept(api, load, { isDoubtful: true });
  }).timeout(240_000);
});
