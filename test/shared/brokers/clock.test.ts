import { expect } from 'chai';
import { createRedisClock } from '../../../shared/brokers/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { testRedis } from '../../support/redis.ts';

/** A clock whose Redis shows what the test says, and takes as long to answer. */
function startClock() {
  const redis = testRedis();
  let asked = 0;
  let elapsed = 0;
  let local = 500_000;
  let there = 1_000_000;
  let roundTripMs = 0;
  redis.time = async () => {
    asked++;
    const ms = there;
    elapsed += roundTripMs;
    local += roundTripMs;
    there += roundTripMs;
    return [Math.floor(ms / 1000), (ms % 1000) * 1000];
  };
  const clock = createRedisClock(redis, { elapsed: () => elapsed, local: () => local });
  return {
    redis,
    clock,
    asked: () => asked,
    elapsed: () => elapsed,
    pass(ms: number) {
      elapsed += ms;
      local += ms;
      there += ms;
    },
    answerAfter(ms: number) {
      roundTripMs = ms;
    },
    setLocal(ms: number) {
      local += ms;
    },
    setRedis(ms: number) {
      there += ms;
    },
  };
}

describe('the clock of Redis', () => {
  it('is asked for the time once, and known for five seconds', async () => {
    const { clock, asked, pass } = startClock();
    expect(await clock.read()).to.deep.equal({ earliest: 1_000_000, latest: 1_000_001 });
    pass(4000);
    expect(await clock.read()).to.deep.equal({ earliest: 1_004_000, latest: 1_004_001 });
    expect(asked()).to.equal(1);
    pass(2000);
    expect(await clock.read()).to.deep.equal({ earliest: 1_006_000, latest: 1_006_001 });
    expect(asked()).to.equal(2);
  });

  it('is asked once by all that want to know it at the same time', async () => {
    const { clock, asked } = startClock();
    await Promise.all([clock.read(), clock.read(), clock.read()]);
    expect(asked()).to.equal(1);
  });

  it('is somewhere between the time that was told and that with the time of the answer on top', async () => {
    const { clock, answerAfter } = startClock();
    answerAfter(300);
    expect(await clock.read()).to.deep.equal({ earliest: 1_000_000, latest: 1_000_301 });
  });

  it('is known better by a faster answer, and not worse by a slower one', async () => {
    const { clock, answerAfter, pass, elapsed } = startClock();
    answerAfter(300);
    await clock.read();
    pass(700);
    clock.note(1_000_999, elapsed() - 2);
    expect(await clock.read()).to.deep.equal({ earliest: 1_000_999, latest: 1_001_002 });
    clock.note(1_000_900, elapsed() - 500);
    expect(await clock.read()).to.deep.equal({ earliest: 1_000_999, latest: 1_001_002 });
  });

  it('is known longer by each answer that tells the time, also by slower ones', async () => {
    const { clock, asked, pass, elapsed } = startClock();
    clock.note(1_000_000, elapsed());
    for (let i = 1; i <= 5; i++) {
      pass(4000);
      clock.note(1_000_000 + i * 4000, elapsed() - i);
    }
    pass(500);
    expect(await clock.read()).to.deep.equal({ earliest: 1_020_500, latest: 1_020_506 });
    expect(asked()).to.equal(0);
  });

  it('is believed at once where an answer contradicts what was known: somebody has set it', async () => {
    for (const ms of [3_600_000, -3_600_000]) {
      const { clock, pass, elapsed } = startClock();
      await clock.read();
      pass(100);
      clock.note(1_000_100 + ms, elapsed() - 50);
      expect((await clock.read()).earliest).to.equal(1_000_100 + ms);
      expect(clock.now()).to.equal(1_000_100 + ms);
    }
  });

  it('is asked anew where the clock of this machine was set, or the machine slept', async () => {
    const { clock, asked, setLocal, setRedis } = startClock();
    await clock.read();
    setLocal(600_000);
    setRedis(600_000);
    expect((await clock.read()).earliest).to.equal(1_600_000);
    expect(asked()).to.equal(2);
  });

  it('is this of this machine until Redis has told it, and the distance is known from then on', async () => {
    const { clock, setLocal } = startClock();
    expect([clock.now(), clock.aheadMs()]).to.deep.equal([500_000, 0]);
    await clock.read();
    expect([clock.now(), clock.aheadMs()]).to.deep.equal([1_000_000, -500_000]);
    setLocal(500_123);
    expect([clock.now(), clock.aheadMs()]).to.deep.equal([1_000_000, 123]);
  });

  it('does not go back by the milliseconds by which answers differ', async () => {
    const { clock, pass, elapsed } = startClock();
    clock.note(1_000_000, elapsed() - 1);
    pass(3000);
    expect(clock.now()).to.equal(1_003_000);
    clock.note(1_002_995, elapsed() - 20);
    expect(clock.now()).to.equal(1_003_000);
    pass(10);
    expect(clock.now()).to.equal(1_003_005);
  });

  it('is asked anew behind an outage: another server may answer', async () => {
    const { redis, clock, asked, elapsed } = startClock();
    await redis.ping();
    clock.note(7_000_000, elapsed());
    redis.disconnect(true);
    await eventually(async () => (await clock.read()).earliest === 1_000_000);
    expect(asked()).to.equal(1);
  });
});
