/** Processes that are killed or frozen under load: nothing accepted is lost, nothing refused runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  configFor,
  expectPromisesKept,
  startApiProcess,
  startLoad,
  startWorkers,
} from '../support/load.ts';
import { ownRedis } from '../support/server.ts';

async function startUnderLoad(ms?: number) {
  const redis = await ownRedis();
  const config = configFor(redis);
  const [[first, second], api] = await Promise.all([
    startWorkers([config, config]),
    startApiProcess(config),
  ]);
  const load = startLoad(api.client, ms);
  await load.grow(200);
  return { redis, config, api, load, first, second };
}

describe('under load', () => {
  it('a worker is killed: its tasks run a second time, all others once', async () => {
    const { config, api, load, first } = await startUnderLoad(50);
    first?.child.kill('SIGKILL');
    await startWorkers([config]);
    await load.grow(200);
    await expectPromisesKept(api.client, load, { runsMax: 2 });
    expect(load.refused).to.deep.equal([]);
  }).timeout(240_000);

  it('the API is killed: what it had accepted runs, once', async () => {
    const { api, load } = await startUnderLoad();
    await api.replace();
    await load.grow(200);
    await expectPromisesKept(api.client, load);
  }).timeout(240_000);

  it('Redis is killed and comes back: what was refused meanwhile never runs', async () => {
    const { redis, api, load } = await startUnderLoad();
    process.kill(redis.pid(), 'SIGKILL');
    await sleep(1500);
    await redis.start();
    await load.grow(200);
    // It died between a command and its answer, and workers between a start and its mark.
    await expectPromisesKept(api.client, load, { isDoubtful: true, runsMax: 2 });
  }).timeout(240_000);

  it('Redis is frozen for 3 s: the API says so, and what was accepted runs', async () => {
    const { redis, api, load } = await startUnderLoad();
    process.kill(redis.pid(), 'SIGSTOP');
    await sleep(3000);
    process.kill(redis.pid(), 'SIGCONT');
    await load.grow(200);
    expect(load.refused).not.to.deep.equal([]);
    await expectPromisesKept(api.client, load, { isDoubtful: true, runsMax: 2 });
  }).timeout(240_000);

  it('a worker is frozen for longer than its locks: its tasks have one end all the same', async () => {
    const { api, load, first } = await startUnderLoad(50);
    first?.child.kill('SIGSTOP');
    await sleep(16_000);
    first?.child.kill('SIGCONT');
    await load.grow(100);
    await expectPromisesKept(api.client, load, { runsMax: 2 });
    expect(load.refused).to.deep.equal([]);
  }).timeout(240_000);

  it('the API is frozen for 2 s: its time counts for nobody, and what it accepted runs', async () => {
    const { api, load } = await startUnderLoad();
    const { child } = api.process();
    child.kill('SIGSTOP');
    await sleep(2000);
    child.kill('SIGCONT');
    await load.grow(200);
    await expectPromisesKept(api.client, load, { isDoubtful: true });
  }).timeout(240_000);
});
