import { expect } from 'chai';
import { median, percentile, summaryOf } from '../../bench/harness/stats.ts';

describe('numbers about measured numbers', () => {
  const medians: readonly (readonly [values: number[], expected: number])[] = [
    [[3], 3],
    [[3, 1], 2],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    // As numbers, not as texts.
    [[10, 9, 100], 10],
  ];
  for (const [values, expected] of medians) {
    it(`finds ${expected} in the middle of ${values.join(', ')}`, () => {
      expect(median(values)).to.equal(expected);
    });
  }

  const shares: readonly (readonly [share: number, expected: number])[] = [
    [0, 1],
    [0.01, 1],
    [0.5, 50],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
  ];
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  for (const [share, expected] of shares) {
    it(`says that a share of ${share} of 1 to 100 does not exceed ${expected}`, () => {
      expect(percentile(hundred, share)).to.equal(expected);
    });
  }

  it('has no median and no percentile of nothing', () => {
    expect(median([])).to.be.NaN;
    expect(percentile([], 0.5)).to.be.NaN;
  });

  it('sums up runs without changing their order', () => {
    const all = [5, 1, 3];
    expect(summaryOf(all)).to.deep.equal({ median: 3, min: 1, max: 5, all: [5, 1, 3] });
    expect(all).to.deep.equal([5, 1, 3]);
  });
});
