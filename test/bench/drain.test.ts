import { expect } from 'chai';
import { ratesBetween } from '../../bench/harness/drain.ts';

describe('the rate of a drain', () => {
  const first = { at: 1000, done: 100, workerCpu: 2, storeCpu: 1 };

  it('counts what was done between two moments, and what each task cost', () => {
    const last = { at: 3000, done: 1100, workerCpu: 2.5, storeCpu: 1.1 };
    const { rate, workerCpu, storeCpu, tasks } = ratesBetween(first, last);
    expect([rate, tasks]).to.deep.equal([500, 1100]);
    expect(workerCpu).to.be.closeTo(500, 0.001);
    expect(storeCpu).to.be.closeTo(100, 0.001);
  });

  it('refuses to tell a rate of nothing', () => {
    expect(() => ratesBetween(first, { ...first, at: 1001 })).to.throw(/too soon to be measured/);
  });
});
