import { expect } from 'chai';
import fc from 'fast-check';
import { IdMap } from '../../shared/idMap.ts';

const ID = fc.constantFrom('a', 'b', 'c', '0', '__proto__');
const STEP = fc.oneof(
  fc.record({ do: fc.constant('set' as const), id: ID, value: fc.nat() }),
  fc.record({ do: fc.constant('delete' as const), id: ID }),
);

describe('a map by ids', () => {
  it('holds what a Map holds, whatever comes and goes', () => {
    const property = fc.property(fc.array(STEP, { maxLength: 50 }), (steps) => {
      const [mine, plain] = [new IdMap<number>(), new Map<string, number>()];
      for (const step of steps) {
        if (step.do === 'delete') expect(mine.delete(step.id)).to.equal(plain.delete(step.id));
        else {
          mine.set(step.id, step.value);
          plain.set(step.id, step.value);
        }
      }
      expect(mine.size).to.equal(plain.size);
      expect(mine.ids()).to.deep.equal([...plain.keys()]);
      expect(mine.values()).to.deep.equal([...plain.values()]);
      for (const id of ['a', 'b', 'c', '0', '__proto__', 'never']) {
        expect([mine.get(id), mine.has(id)]).to.deep.equal([plain.get(id), plain.has(id)]);
      }
    });
    fc.assert(property);
  });
});
