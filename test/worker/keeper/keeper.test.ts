/** The thread that keeps a worker's tasks: here the loop that it watches is a pulse that stands still. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import type { Config } from '../../../shared/config.ts';
import { createKeeper } from '../../../worker/keeper/keeper.ts';
import { createPulse, type Pulse, readPulse } from '../../../worker/pulse.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { type Life, startLife } from '../../support/life.ts';
import { running } from '../../support/places.ts';
import { silentLog } from '../../support/redis.ts';
import { redisBehindTls, TLS_FILES } from '../../support/tls.ts';

const TOKENS = 'mine:';
const lockOf = ({ keys }: Life, id: string) => `${keys.job('default', id)}:lock`;
const ttl = (life: Life, id: string) => life.redis.pttl(lockOf(life, id));

/** Tasks `mine` and `other`, locked for a minute by this worker and by another one. */
async function startKept(settings: Partial<Config> = {}, queues = () => ['default']) {
  const life = await startLife();
  const { redis, keys, config } = life;
  for (const [id, token] of Object.entries({ mine: `${TOKENS}0:1`, other: 'theirs:0:1' })) {
    await running(life, id);
    await redis.set(lockOf(life, id), token, 'PX', 60_000);
  }
  await redis.set(keys.worker('w1'), '{"id":"w1","tasks":[],"loop_lag_ms":7}', 'PX', 60_000);
  const pulse = createPulse(['hold']);
  const keeper = createKeeper({
    config: { ...config, ...settings },
    worker: 'w1',
    tokens: TOKENS,
    names: ['hold'],
    cells: pulse.cells,
    queues,
    log: silentLog(),
  });
  await keeper.start();
  defer(() => keeper.stop());
  return { ...life, life, pulse };
}

/** The loop turns, and its locks are renewed. */
function startTurns(pulse: Pulse): NodeJS.Timeout {
  const timer = setInterval(() => {
    pulse.tick();
    pulse.renewed('source');
  }, 50);
  defer(() => clearInterval(timer));
  return timer;
}

describe("the keeper's thread", () => {
  it('renews the locks and the heartbeat of a worker whose loop stands still, and no others', async () => {
    const { life, redis, keys } = await startKept();
    // From a minute to the length of a lock.
    await eventually(async () => (await ttl(life, 'mine')) <= 7000);
    expect(await ttl(life, 'mine')).to.be.greaterThan(0);
    expect(await ttl(life, 'other')).to.be.greaterThan(10_000);
    const beat = await redis.get(keys.worker('w1'));
    expect(beat).to.match(/^\{"id":"w1","tasks":\[\],"loop_lag_ms":[2-9]\d{3}\}$/);
    expect(Number(await redis.zscore(keys.workers, 'w1'))).to.be.greaterThan(0);
  });

  it('reaches Redis with the certificates that the worker has', async () => {
    const { life } = await startKept({ redisUrl: await redisBehindTls(), ...TLS_FILES });
    await eventually(async () => (await ttl(life, 'mine')) <= 7000);
  });

  it('is started again when it has died', async () => {
    let starts = 0;
    // It dies of what is no list.
    const { life } = await startKept({}, () => (starts++ === 0 ? Object('none') : ['default']));
    await eventually(async () => (await ttl(life, 'mine')) <= 7000, 20_000);
    expect(starts).to.equal(2);
  });

  it('leaves alone the locks of a loop that turns', async () => {
    const { life, pulse } = await startKept();
    startTurns(pulse);
    await eventually(async () => (await ttl(life, 'mine')) < 54_000);
    expect(await ttl(life, 'mine')).to.be.greaterThan(30_000);
  });

  it('has no line to Redis before the loop stands still', async () => {
    let lines = 0;
    const server = createServer((line) => {
      lines++;
      line.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    defer(() => server.close());
    // What a server listens at is no pipe here.
    const { port } = server.address() as AddressInfo;
    const { pulse } = await startKept({ redisUrl: `redis://127.0.0.1:${port}` });
    const turns = startTurns(pulse);
    await eventually(() => readPulse(pulse.cells).ticks > 40);
    expect(lines).to.equal(0);
    clearInterval(turns);
    await eventually(() => lines > 0);
  });
});
