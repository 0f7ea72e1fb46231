import { expect } from 'chai';
import { isLarge } from '../../shared/size.ts';

describe('the size of a value', () => {
  it('counts its parts, however deep they are', () => {
    expect(isLarge({ a: [1, 2], b: { c: 3 } }, 6)).to.equal(false);
    expect(isLarge({ a: [1, 2], b: { c: 3 } }, 5)).to.equal(true);
    expect(isLarge('a long text', 1)).to.equal(false);
  });

  it('is large above 10,000 parts', () => {
    expect(isLarge(Array.from({ length: 9_999 }, () => 0))).to.equal(false);
    expect(isLarge(Array.from({ length: 10_000 }, () => 0))).to.equal(true);
  });
});
