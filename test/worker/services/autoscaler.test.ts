import { expect } from 'chai';
import { createConsumer } from '../../../worker/consumer.ts';
import { createFleet, type Fleet } from '../../../worker/fleet.ts';
import {
  createAutoscaler,
  type Idleness,
  type Sight,
  scaled,
} from '../../../worker/services/autoscaler.ts';
import { hold } from '../../fixtures/quick.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';
import { redisProxy } from '../../support/proxy.ts';
import { testRedis } from '../../support/redis.ts';
import { testTools } from '../../support/tools.ts';

const BOUNDS = { min: 2, max: 10 };

type Row = readonly [
  title: string,
  sight: Partial<Sight>,
  before: Idleness | undefined,
  concurrency: number,
  after: Idleness | undefined,
];

const idle = (since: number, peak: number): Idleness => ({ since, peak });

/** At 100,000 ms, four slots; what the row does not say. */
const SIGHT: Sight = { concurrency: 4, active: 4, waiting: 0, at: 100_000 };

const ROWS: readonly Row[] = [
  ['grows by what waits', { waiting: 2 }, undefined, 6, undefined],
  ['grows to twice its slots at most', { waiting: 99 }, undefined, 8, undefined],
  [
    'grows to the upper bound at most',
    { concurrency: 8, active: 8, waiting: 99 },
    undefined,
    10,
    undefined,
  ],
  ['stays where all are busy and nothing waits', {}, idle(0, 3), 4, undefined],
  ['begins to count idleness', { active: 3 }, undefined, 4, idle(100_000, 3)],
  ['remembers the most that were busy', { active: 1 }, idle(90_000, 3), 4, idle(90_000, 3)],
  ['sees that more are busy', { active: 3 }, idle(90_000, 1), 4, idle(90_000, 3)],
  ['waits for 30 s', { active: 0 }, idle(70_001, 3), 4, idle(70_001, 3)],
  ['shrinks then to what was needed', { active: 0 }, idle(70_000, 3), 3, undefined],
  ['shrinks to the lower bound at most', { active: 0 }, idle(0, 0), 2, undefined],
  ['rises to the lower bound', { concurrency: 1, active: 0 }, undefined, 2, idle(100_000, 0)],
  ['falls to the upper bound', { concurrency: 20, active: 20 }, undefined, 10, undefined],
];

describe('autoscaling', () => {
  for (const [title, sight, before, concurrency, idleness] of ROWS) {
    it(title, () => {
      const next = scaled({ ...SIGHT, ...sight }, BOUNDS, before);
      expect(next).to.deep.equal({ concurrency, idleness });
    });
  }
});

/** An autoscaler that looks often, by a clock of the test's own, over a real queue. */
async function startAutoscaler(url?: string) {
  const test = await startTestBroker();
  const tools = testTools(test.config, [hold]);
  const { log, lines } = collectLog();
  const queues = [{ name: 'default' }, { name: 'mail' }];
  const create = (queue: string, concurrency: number) =>
    createConsumer({ queue, concurrency, tools });
  const fleet = createFleet({ queues, concurrency: 1, create });
  defer(() => fleet.stop(AbortSignal.abort()));
  const clock = { now: 1_000_000 };
  const { keys } = tools;
  const autoscaler = createAutoscaler({
    redis: url ? testRedis(url) : tools.redis,
    keys,
    fleet,
    bounds: { min: 1, max: 4 },
    log,
    everyMs: 20,
    now: () => clock.now,
  });
  defer(() => autoscaler.stop());
  fleet.start();
  await autoscaler.start();
  const slots = () => fleet.queues().map(({ concurrency }) => concurrency);
  const send = (count: number, ms: number) =>
    test.broker.add(
      Array.from({ length: count }, (_, i) =>
        messageOf(`${ms}-${i}`, { name: 'hold', body: { kwargs: { ms } } }),
      ),
    );
  return { ...test, fleet, autoscaler, clock, slots, send, lines };
}

describe('the autoscaler', () => {
  it('gives slots to the queue in which tasks wait, and takes them back after 30 s of idleness', async () => {
    const { fleet, clock, slots, send } = await startAutoscaler();
    await send(6, 300);
    await eventually(() => fleet.active() === 4);
    expect(slots()).to.deep.equal([4, 1]);
    await eventually(() => fleet.totals().succeeded === 6);
    expect(slots()).to.deep.equal([4, 1]);
    const idleAt = clock.now;
    await eventually(() => {
      clock.now += 1000;
      return slots()[0] === 1;
    });
    expect(clock.now - idleAt).to.be.at.least(30_000);
  });

  it('gives no slots for tasks that nobody may take: the queue is paused', async () => {
    const { fleet, broker, slots, send } = await startAutoscaler();
    await send(1, 60_000);
    await eventually(() => fleet.active() === 1);
    await broker.pause('default', true);
    await send(5, 500);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(slots()).to.deep.equal([1, 1]);
    await broker.pause('default', false);
    await eventually(() => fleet.active() === 4);
  });

  const meanwhile: readonly [what: string, change: (fleet: Fleet) => void, slots: number[]][] = [
    ['resized', (fleet) => fleet.resize(4, 'default'), [7, 1]],
    ['cancelled', (fleet) => fleet.cancel('default'), [3, 1]],
  ];
  for (const [what, change, expected] of meanwhile) {
    it(`leaves a queue alone that was ${what} while it asked how much waits there`, async () => {
      const proxy = await redisProxy();
      const { fleet, autoscaler, slots, send, lines } = await startAutoscaler(proxy.url);
      await send(3, 60_000);
      await eventually(() => slots()[0] === 3 && fleet.active() === 3);
      proxy.freeze();
      await eventually(proxy.holds);
      await send(6, 60_001);
      autoscaler.set(undefined);
      change(fleet);
      await proxy.wake();
      await autoscaler.stop();
      expect(slots()).to.deep.equal(expected);
      expect(lines.filter(({ service }) => service)).to.deep.equal([]);
    });
  }

  it('takes new bounds at once, of one queue or of all, and none', async () => {
    const { autoscaler, fleet, slots } = await startAutoscaler();
    autoscaler.set({ min: 3, max: 5 }, 'mail');
    expect(slots()).to.deep.equal([1, 3]);
    expect(autoscaler.boundsOf('mail')).to.deep.equal({ min: 3, max: 5 });
    expect(autoscaler.boundsOf('default')).to.deep.equal({ min: 1, max: 4 });
    autoscaler.set({ min: 2, max: 2 });
    expect(slots()).to.deep.equal([2, 2]);
    autoscaler.set(undefined);
    fleet.resize(6);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(slots()).to.deep.equal([8, 8]);
  });
});
