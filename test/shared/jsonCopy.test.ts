import { expect } from 'chai';
import { jsonCopy } from '../../shared/jsonCopy.ts';

class Point {
  x = 1;
}
const nested = (levels: number): unknown => (levels === 0 ? 1 : { a: nested(levels - 1) });

describe('jsonCopy', () => {
  const values: readonly [why: string, value: unknown][] = [
    ['a text', 'é"\n\u2028'],
    ['a lone surrogate', { a: '\ud800' }],
    ['0', 0],
    ['-0', { a: -0 }],
    ['null', null],
    ['an empty object', {}],
    ['an empty list', []],
    ['objects and lists', { a: [1, { b: [null, true, 'c'] }] }],
    ['undefined in an object', { a: undefined, b: 1 }],
    ['undefined in a list', [undefined, 1]],
    ['a hole in a list', new Array(2)],
    ['a symbol as a name', { [Symbol('b')]: 1 }],
    ['a date', { at: new Date(0) }],
    ['an object with toJSON', { a: { toJSON: () => 'b' } }],
    ['a list with toJSON', Object.assign([1], { toJSON: () => 'b' })],
    ['an object of a class', new Point()],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['a key __proto__', JSON.parse('{"__proto__": {"a": 1}, "b": 2}')],
    ['what nests deeply', nested(40)],
    ['a getter', Object.defineProperty({}, 'a', { enumerable: true, get: () => 7 })],
  ];
  for (const [why, value] of values) {
    it(`gives what JSON gives of ${why}`, () => {
      const copy = jsonCopy(value);
      expect(copy).to.deep.equal(JSON.parse(JSON.stringify(value)));
      expect(JSON.stringify(copy)).to.equal(JSON.stringify(value));
      if (typeof value === 'object' && value !== null) expect(copy).not.to.equal(value);
    });
  }

  it('gives nothing of undefined', () => {
    expect(jsonCopy(undefined)).to.equal(undefined);
  });

  it('refuses what nests deeper than it may', () => {
    expect(jsonCopy(nested(64), 64)).to.deep.equal(nested(64));
    expect(() => jsonCopy(nested(65), 64)).to.throw(TypeError, 'nests deeper than 64 levels');
  });

  it('is not changed with what it was made of', () => {
    const value = { a: [{ b: 1 }] };
    const copy = jsonCopy(value);
    value.a[0] = { b: 2 };
    expect(copy).to.deep.equal({ a: [{ b: 1 }] });
  });

  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const [why, value] of [
    ['a bigint', { a: 10n }],
    ['a circle', circle],
  ] as const) {
    it(`throws at ${why} as JSON does`, () => {
      expect(() => jsonCopy(value)).to.throw(TypeError);
    });
  }
});
