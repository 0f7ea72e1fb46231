import { expect } from 'chai';
import { createKeys } from '../../../shared/keys.ts';
import { createRegistry } from '../../../shared/registry.ts';
import { createFleet } from '../../../worker/fleet.ts';
import { createPatience } from '../../../worker/refusals.ts';
import { createAutoscaler } from '../../../worker/services/autoscaler.ts';
import { createControl } from '../../../worker/services/control.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { silentLog, testConfig, testRedis } from '../../support/redis.ts';

/** The part of a worker `w1` that hears commands; it consumes nothing. */
function startTestControl() {
  const config = testConfig();
  const keys = createKeys(config.prefix);
  const [redis, subscriber, other] = [testRedis(), testRedis(), testRedis()];
  const create = () => {
    throw new Error('There is no queue to consume');
  };
  const fleet = createFleet({ queues: [], concurrency: 1, create });
  const log = silentLog();
  const autoscaler = createAutoscaler({ redis, keys, fleet, bounds: undefined, log });
  const heard: string[] = [];
  const control = createControl({
    worker: 'w1',
    config,
    registry: createRegistry([]),
    redis,
    subscriber,
    keys,
    fleet,
    autoscaler,
    loopLagMs: () => 0,
    children: () => ({}),
    announce: async (queue) => heard.push(`announce ${queue}`),
    refreshLimits: async () => heard.push('limits'),
    shutdown: () => heard.push('shutdown'),
  });
  defer(() => control.stop());
  const tell = (command: string, args: object = {}) => {
    const told = { id: 'q', command, args, workers: null, answerTo: null };
    return other.publish(keys.control, JSON.stringify(told));
  };
  return { control, subscriber, heard, tell };
}

describe('what a worker hears', () => {
  it('makes it read the limits anew, and stop behind its answer', async () => {
    const { control, heard, tell } = startTestControl();
    await control.start();
    await tell('limits');
    await tell('shutdown');
    await eventually(() => heard.length === 2);
    expect(heard).to.deep.equal(['limits', 'shutdown']);
  });

  it('is done once, though Redis refused to let it listen at first', async () => {
    const { control, subscriber, heard, tell } = startTestControl();
    const subscribe = subscriber.subscribe.bind(subscriber);
    const busy = Object.assign(new Error('BUSY Redis is busy'), { name: 'ReplyError' });
    let tries = 0;
    subscriber.subscribe = ((...channels: string[]) =>
      tries++ === 0 ? Promise.reject(busy) : subscribe(...channels)) as typeof subscriber.subscribe;
    await createPatience(silentLog()).untilTaken('start', async () => control.start());
    await tell('limits');
    await tell('shutdown');
    await eventually(() => heard.includes('shutdown'));
    expect(heard).to.deep.equal(['limits', 'shutdown']);
  });

  it('comes over a connection that is asked for a sign of life every ten seconds', async () => {
    const { control, subscriber } = startTestControl();
    await control.start();
    let pings = 0;
    const ping = subscriber.ping.bind(subscriber);
    // Only to be counted: without an answer a connection that listens looks as one that is dead.
    subscriber.ping = (() => {
      pings++;
      return ping();
    }) as typeof subscriber.ping;
    await eventually(() => pings >= 1);
  });
});
