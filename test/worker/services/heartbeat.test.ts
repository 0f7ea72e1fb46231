import { spawnSync } from 'node:child_process';
import { hostname } from 'node:os';
import { expect } from 'chai';
import { createRedisClock } from '../../../shared/brokers/clock.ts';
import { createKeys } from '../../../shared/keys.ts';
import { createRegistry } from '../../../shared/registry.ts';
import { createFleet } from '../../../worker/fleet.ts';
import { createHeartbeat } from '../../../worker/services/heartbeat.ts';
import { clockToSet } from '../../support/clock.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';
import { testConfig, testRedis } from '../../support/redis.ts';

const worker = 'w1';

async function startTestHeartbeat() {
  const keys = createKeys(testConfig().prefix);
  const redis = testRedis();
  await redis.ping();
  const { log, lines } = collectLog();
  const registry = createRegistry([]);
  const isStopping = () => false;
  const create = () => {
    throw new Error('It has no queues');
  };
  const fleet = createFleet({ queues: [], concurrency: 1, create });
  const about = { worker, version: '1', fleet, registry, isStopping };
  const heartbeat = createHeartbeat({ ...about, redis, keys, log, clock: createRedisClock(redis) });
  defer(() => heartbeat.stop());
  const stored = async () => JSON.parse((await redis.get(keys.worker(worker))) ?? 'null');
  /** The heartbeat of another worker of the same name. */
  const twinBeats = (pid: number, host = hostname()) =>
    redis.set(keys.worker(worker), JSON.stringify({ id: worker, pid, hostname: host }));
  const isKnown = async () => (await redis.zscore(keys.workers, worker)) !== null;
  const warnings = () => lines.filter(({ level }) => level === 40);
  return { heartbeat, stored, twinBeats, isKnown, warnings, redis, keys };
}

describe('the heartbeat of a worker', () => {
  it('is there from the start and gone with the worker', async () => {
    const { heartbeat, stored, isKnown, warnings } = await startTestHeartbeat();
    await heartbeat.start();
    await eventually(async () => (await stored())?.pid === process.pid);
    expect(await isKnown()).to.equal(true);
    await heartbeat.stop();
    expect([await stored(), await isKnown()]).to.deep.equal([null, false]);
    expect(warnings()).to.deep.equal([]);
  });

  for (const [who, pid, host] of [
    ['of another process', process.ppid, hostname()],
    ['of another host, with the same process id', process.pid, 'elsewhere'],
  ] as const) {
    it(`leaves at the end that ${who}, which has its name`, async () => {
      const { heartbeat, stored, twinBeats, isKnown } = await startTestHeartbeat();
      await heartbeat.start();
      await eventually(async () => (await stored())?.pid === process.pid && (await isKnown()));
      await twinBeats(pid, host);
      await heartbeat.stop();
      expect(await stored()).to.include({ pid, hostname: host });
      expect(await isKnown()).to.equal(true);
    });

    it(`warns at the start of one ${who}`, async () => {
      const { heartbeat, twinBeats, warnings } = await startTestHeartbeat();
      await twinBeats(pid, host);
      await heartbeat.start();
      expect(warnings()).to.have.length(1);
      expect(warnings()[0]).to.include({ worker, other_pid: pid, other_host: host });
    });
  }

  it('lets others live whose clock is behind, and forgets those long dead', async () => {
    const { heartbeat, redis, keys } = await startTestHeartbeat();
    const now = Date.now();
    await redis.zadd(keys.workers, now - 50_000, 'alive', now - 70_000, 'dead');
    clockToSet().setAhead(600_000);
    await heartbeat.beat();
    expect(await redis.zrange(keys.workers, '0', '-1')).to.deep.equal(['alive', worker]);
    expect(await redis.pttl(keys.worker(worker))).to.be.within(1, 10_000);
    expect(Number(await redis.zscore(keys.workers, worker))).to.be.closeTo(now, 10_000);
  });

  it('lets nobody live on for an hour because the clock of Redis was set back', async () => {
    const { heartbeat, redis, keys } = await startTestHeartbeat();
    const ahead = Date.now() + 3_600_000;
    await redis.zadd(keys.workers, ahead, 'gone');
    await redis.set(keys.worker('gone'), '{}', 'PX', 3_600_000);
    await heartbeat.beat();
    expect(Number(await redis.zscore(keys.workers, 'gone'))).to.be.below(ahead - 3_000_000);
    expect(await redis.pttl(keys.worker('gone'))).to.be.within(1, 10_000);
  });

  it('warns of none when its own is still there', async () => {
    const { heartbeat, twinBeats, warnings } = await startTestHeartbeat();
    await twinBeats(process.pid);
    await heartbeat.start();
    expect(warnings()).to.deep.equal([]);
  });

  it('does not warn of one of this machine that is dead: it is its own successor', async () => {
    const { heartbeat, twinBeats, warnings } = await startTestHeartbeat();
    await twinBeats(spawnSync(process.execPath, ['--version']).pid);
    await heartbeat.start();
    expect(warnings()).to.deep.equal([]);
  });
});
