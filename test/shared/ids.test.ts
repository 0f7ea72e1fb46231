import { expect } from 'chai';
import { newId } from '../../shared/ids.ts';

describe('new ids', () => {
  it('are UUIDs of version 7, no two the same, also beyond one pool of random bytes', () => {
    const ids = Array.from({ length: 5000 }, newId);
    expect(new Set(ids).size).to.equal(5000);
    const version7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
    expect(ids.filter((id) => !version7.test(id))).to.deep.equal([]);
  });

  it('are each greater than the one before', () => {
    const ids = Array.from({ length: 5000 }, newId);
    expect([...ids].sort()).to.deep.equal(ids);
  });

  it('begin with the time at which they were made', () => {
    const before = Date.now();
    const time = Number.parseInt(newId().replaceAll('-', '').slice(0, 12), 16);
    expect(time).to.be.within(before, Date.now());
  });
});
