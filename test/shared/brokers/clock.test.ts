import { expect } from 'chai';
import { createRedisClock } from '../../../shared/brokers/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { testRedis } from '../../support/redis.ts';

function startClock() {
  const redis = testRedis();
  const time = redis.time.bind(redis);
  let asked = 0;
  redis.time = () => {
    asked++;
    return time();
  };
  let now = 0;
  const clock = createRedisClock(redis, () => now);
  return {
    redis,
    clock,
    asked: () => asked,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('the clock of Redis', () => {
  it('is asked for the time once, and known for five seconds', async () => {
    const { redis, clock, asked, pass } = startClock();
    const [seconds] = await redis.time();
    const first = await clock.now();
    expect(first).to.be.within(Number(seconds) * 1000, Number(seconds) * 1000 + 60_000);
    pass(4000);
    expect(await clock.now()).to.equal(first + 4000);
    expect(asked()).to.equal(2);
    pass(2000);
    expect(await clock.now()).to.be.below(first + 6000);
    expect(asked()).to.equal(3);
  });

  it('is known longer by each answer that tells the time', async () => {
    const { clock, asked, pass } = startClock();
    clock.note(1000);
    for (let i = 1; i <= 5; i++) {
      pass(4000);
      clock.note(1000 + i * 4000);
    }
    pass(500);
    expect(await clock.now()).to.equal(21_500);
    expect(asked()).to.equal(0);
  });

  it('is asked anew behind an outage: another server may answer', async () => {
    const { redis, clock, asked } = startClock();
    await redis.ping();
    clock.note(1000);
    redis.disconnect(true);
    await eventually(async () => (await clock.now()) > 1_000_000);
    expect(asked()).to.be.above(0);
  });
});
