import { expect } from 'chai';
import { createKeys } from '../../../shared/keys.ts';
import type { Consumer } from '../../../worker/consumer.ts';
import { createWatchdog } from '../../../worker/services/watchdog.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { silentLog, testConfig, testRedis } from '../../support/redis.ts';

/** A watchdog that looks often, at a consumer that says of itself what the test wants. */
function startTestWatchdog(given: { active?: number; fetches?: boolean; isLate?: boolean } = {}) {
  const keys = createKeys(testConfig().prefix);
  const redis = testRedis();
  const totals = { fetched: 0, succeeded: 0, failed: 0, retried: 0 };
  const seen = { looks: 0, restarts: 0 };
  const consumer: Consumer = {
    queue: 'default',
    concurrency: 2,
    active: given.active ?? 0,
    get totals() {
      seen.looks++;
      return given.fetches ? { ...totals, fetched: seen.looks } : totals;
    },
    running: () => [],
    setConcurrency: () => undefined,
    revoke: () => [],
    restart: () => void seen.restarts++,
    stop: async () => undefined,
  };
  const consumers = given.isLate ? [] : [consumer];
  const watchdog = createWatchdog({ redis, keys, consumers, log: silentLog(), everyMs: 10 });
  if (given.isLate) consumers.push(consumer);
  defer(() => watchdog.stop());
  const base = keys.queueBase('default');
  return { redis, base, seen, start: () => watchdog.start() };
}

describe('the watchdog', () => {
  for (const [list, add] of [
    ['wait', (redis: ReturnType<typeof testRedis>, key: string) => redis.lpush(key, 'a')],
    ['prioritized', (redis: ReturnType<typeof testRedis>, key: string) => redis.zadd(key, 1, 'a')],
  ] as const) {
    it(`restarts a consumer that takes nothing although tasks wait (${list}), again and again`, async () => {
      const { redis, base, seen, start } = startTestWatchdog();
      await add(redis, base + list);
      await start();
      await eventually(() => seen.restarts >= 2);
      // Three looks in a row at least before each.
      expect(seen.looks).to.be.at.least(6);
    });
  }

  it('sees also a consumer that was made after it, as at the start of a worker', async () => {
    const { redis, base, seen, start } = startTestWatchdog({ isLate: true });
    await redis.lpush(`${base}wait`, 'a');
    await start();
    await eventually(() => seen.restarts >= 1);
  });

  const healthy: readonly [
    why: string,
    given: Parameters<typeof startTestWatchdog>[0],
    waiting: boolean,
    paused: boolean,
  ][] = [
    ['idles because nothing waits', {}, false, false],
    ['has all its slots in use', { active: 2 }, true, false],
    ['takes one task after another', { fetches: true }, true, false],
    ['stands at a paused queue', {}, true, true],
  ];
  for (const [why, given, waiting, paused] of healthy) {
    it(`leaves a consumer alone that ${why}`, async () => {
      const { redis, base, seen, start } = startTestWatchdog(given);
      if (waiting) await redis.lpush(`${base}wait`, 'a');
      if (paused) await redis.hset(`${base}meta`, 'paused', 1);
      await start();
      await eventually(() => seen.looks >= 12);
      expect(seen.restarts).to.equal(0);
    });
  }
});
