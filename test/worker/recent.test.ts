import { expect } from 'chai';
import { createRecent } from '../../worker/recent.ts';

describe('ids that were named a moment ago', () => {
  it('are known for at least the time, and no longer than twice as long', () => {
    let now = 1000;
    const recent = createRecent(100, () => now);
    recent.add(['a']);
    expect([recent.has('a'), recent.has('b')]).to.deep.equal([true, false]);
    now += 99;
    recent.add(['b']);
    now += 99;
    expect([recent.has('a'), recent.has('b')]).to.deep.equal([true, true]);
    now += 101;
    expect([recent.has('a'), recent.has('b')]).to.deep.equal([false, false]);
  });

  it('are forgotten after a long silence', () => {
    let now = 1000;
    const recent = createRecent(100, () => now);
    recent.add(['a']);
    now += 10_000;
    expect(recent.has('a')).to.equal(false);
  });

  it('may be any when they were too many, for a moment', () => {
    let now = 1000;
    const recent = createRecent(100, () => now);
    recent.add(Array.from({ length: 20_000 }, (_, i) => `id-${i}`));
    expect(recent.has('any')).to.equal(true);
    now += 250;
    expect(recent.has('any')).to.equal(false);
  });
});
