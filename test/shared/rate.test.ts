import { expect } from 'chai';
import { intervalOf, isRateLimit } from '../../shared/rate.ts';

describe('a rate', () => {
  const rates: readonly [rate: string, intervalMs: number][] = [
    ['10/s', 100],
    ['100/m', 600],
    ['1/h', 3_600_000],
    ['10', 100],
    ['0.5/s', 2000],
    ['2.5/m', 24_000],
    [' 10/s ', 100],
    ['100000/s', 0.01],
  ];
  for (const [rate, intervalMs] of rates) {
    it(`of ${rate} starts one every ${intervalMs} ms`, () => {
      expect(intervalOf(rate)).to.equal(intervalMs);
      expect(isRateLimit(rate)).to.equal(true);
    });
  }

  const wrong = ['', '0', '0/s', '0.0/m', '-1/s', '10/d', '10 /s', '10/', '/s', '1e3/s', 'ten/s'];
  for (const rate of [...wrong, '.5/s', '10/s/s', '١/s', 'NaN', 'Infinity/s']) {
    it(`is none where it says "${rate}"`, () => {
      expect(intervalOf(rate)).to.equal(undefined);
      expect(isRateLimit(rate)).to.equal(false);
    });
  }

  it('is a text', () => {
    for (const value of [10, null, undefined, {}, ['10/s']]) {
      expect(isRateLimit(value)).to.equal(false);
    }
  });
});
