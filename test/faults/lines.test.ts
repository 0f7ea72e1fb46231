/** Lines that break, hang or are slow under load: nothing accepted is lost, nobody has two ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import {
  configFor,
  expectPromisesKept,
  startApiProcess,
  startLoad,
  startWorkers,
} from '../support/load.ts';
import { redisProxy } from '../support/proxy.ts';
import { ownRedis } from '../support/server.ts';

/** The API and one worker on lines of their own, another worker on a good one. */
async function startOnLines(ms?: number) {
  const redis = await ownRedis();
  const [apiLine, workerLine] = await Promise.all([redisProxy(redis.url), redisProxy(redis.url)]);
  const [api] = await Promise.all([
    startApiProcess(configFor(redis, apiLine.url)),
    startWorkers([configFor(redis), configFor(redis, workerLine.url)]),
  ]);
  const load = startLoad(api.client, ms);
  await load.grow(100);
  return { api: api.client, load, apiLine, workerLine };
}

describe('under load', () => {
  it("a worker's line is cut ten times: what it took goes on, or comes back", async () => {
    const { api, load, workerLine } = await startOnLines(20);
    for (let i = 0; i < 10; i++) {
      workerLine.cut();
      await sleep(200);
    }
    await load.grow(100);
    await expectPromisesKept(api, load, { runsMax: 2 });
    expect(load.refused).to.deep.equal([]);
  }).timeout(240_000);

  it("a worker's line is half open: it finds out, and its tasks have one end", async () => {
    const { api, load, workerLine } = await startOnLines(20);
    workerLine.halfOpen();
    await load.grow(200);
    await expectPromisesKept(api, load, { runsMax: 2 });
    expect(load.refused).to.deep.equal([]);
  }).timeout(240_000);

  it("the API's line is cut ten times: nothing is stored twice, and what was accepted runs once", async () => {
    const { api, load, apiLine } = await startOnLines();
    for (let i = 0; i < 10; i++) {
      apiLine.cut();
      await sleep(200);
    }
    await load.grow(100);
    await expectPromisesKept(api, load, { isDoubtful: true });
  }).timeout(240_000);

  it("the API's line is half open: it is told within a second, and goes on by a new one", async () => {
    const { api, load, apiLine } = await startOnLines();
    apiLine.halfOpen();
    await load.grow(200);
    await expectPromisesKept(api, load, { isDoubtful: true });
  }).timeout(240_000);

  it('answers to the API are lost: what was stored all the same runs once, or is told so', async () => {
    const { api, load, apiLine } = await startOnLines();
    apiLine.loseAnswers();
    await sleep(2000);
    apiLine.cut();
    await load.grow(200);
    await expectPromisesKept(api, load, { isDoubtful: true });
    expect(load.refused).not.to.deep.equal([]);
  }).timeout(240_000);

  it('both lines are slow, 200 ms each way and 200 kB a second: nothing is refused or run twice', async () => {
    const { api, load, apiLine, workerLine } = await startOnLines();
    for (const line of [apiLine, workerLine]) line.slow(200, 200_000);
    await load.grow(100);
    await load.stop();
    for (const line of [apiLine, workerLine]) line.slow(0);
    await expectPromisesKept(api, load);
  }).timeout(240_000);
});
