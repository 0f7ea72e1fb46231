/** A million results whose time is over. */
import { expect } from 'chai';
import { loadConfig } from '../../shared/config.ts';
import { createKeys } from '../../shared/keys.ts';
import { createSweeper } from '../../worker/services/sweeper.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog, testRedis } from '../support/redis.ts';
import { storeResults } from '../support/results.ts';
import { ownRedis } from '../support/server.ts';

const MILLION = 1_000_000;
const DAY_MS = 86_400_000;
/** Two minutes on an idle machine, which needs one at most. */
const WITHIN_MS = 300_000;

describe('a million results whose time is over', function () {
  this.timeout(600_000);

  it('are gone in one pass, and nobody has waited long for Redis meanwhile', async () => {
    const redis = testRedis((await ownRedis()).url);
    const keys = createKeys('kaje');
    await redis.config('SET', 'appendonly', 'no');
    const ended = { oldestMs: 2 * DAY_MS, youngestMs: DAY_MS + 1000 };
    await storeResults(redis, keys, { ...ended, count: MILLION });
    await redis.config('RESETSTAT');
    const sweeper = createSweeper({ redis, keys, config: loadConfig({}), log: silentLog() });
    defer(() => sweeper.stop());
    const began = performance.now();
    await sweeper.start();
    const left = () => redis.zcard(keys.finished('default', true));
    await eventually(async () => (await left()) === 0, WITHIN_MS);
    console.log(`      ${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(await redis.dbsize()).to.be.at.most(2);
    const stats = await redis.info('commandstats');
    const msEach = Number(/cmdstat_evalsha:.*?usec_per_call=([\d.]+)/.exec(stats)?.[1]) / 1000;
    expect(msEach).to.be.below(5);
  });
});
