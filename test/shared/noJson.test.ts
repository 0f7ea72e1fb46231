import { PassThrough } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { isPlain, NoJsonError, noJsonIn, toJson } from '../../shared/noJson.ts';

class Point {
  x = 1;
}
class Secret {
  #x = 1;
  get x() {
    return this.#x;
  }
}
class Money {
  toJSON() {
    return '7 EUR';
  }
}
const circle: { self?: object } = {};
circle.self = circle;

describe('what JSON cannot hold', () => {
  const held: readonly [why: string, value: unknown][] = [
    ['plain data', { a: [1, 'b', null, true, { c: -0.5 }] }],
    ['undefined', undefined],
    ['a date', { at: new Date(0) }],
    ['what has a toJSON', [new Money(), Buffer.from('a'), new URL('http://a/')]],
    ['an object of a class', new Point()],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['an object of another realm', runInNewContext('({ a: [1], b: {} })')],
    ['an empty object', {}],
    ['a hole in a list', new Array(1)],
    ['a circle, which JSON itself refuses', circle],
  ];
  for (const [why, value] of held) {
    it(`is not ${why}`, () => {
      expect(noJsonIn(value)).to.equal(undefined);
    });
  }

  const refused: readonly [what: string, value: unknown][] = [
    ['NaN', Number.NaN],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['a bigint', 10n],
    ['a function', () => 1],
    ['a symbol', Symbol('a')],
    ['an invalid Date', new Date('x')],
    ['a Map', new Map([[1, 2]])],
    ['a Set', new Set([1])],
    ['a WeakMap', new WeakMap()],
    ['a RegExp', /a/],
    ['an Error', new TypeError('a')],
    ['a Promise', Promise.resolve(1)],
    ['an Uint8Array', new Uint8Array(2)],
    ['an ArrayBuffer', new ArrayBuffer(2)],
    ['a Number', Object(7)],
    ['a Generator', (function* () {})()],
    ['an URLSearchParams', new URLSearchParams('a=1')],
    ['a Headers', new Headers({ a: 'b' })],
    ['a ReadableStream', new ReadableStream()],
    ['a PassThrough', new PassThrough()],
    ['a Secret', new Secret()],
    ['a Map', runInNewContext('new Map()')],
  ];
  for (const [what, value] of refused) {
    it(`is ${what}, wherever it stands`, () => {
      expect(isPlain({ value })).to.equal(false);
      expect(noJsonIn(value)).to.deep.equal({ path: '', what });
      expect(noJsonIn({ 'a/b': [0, value] })).to.deep.equal({ path: '/a~1b/1', what });
      expect(noJsonIn({ toJSON: () => ({ value }) })).to.deep.equal({ path: '/value', what });
    });
  }

  it('is told by where it is', () => {
    expect(() => toJson({ a: [new Set()] })).to.throw(
      NoJsonError,
      '/a/0 is a Set, which JSON cannot hold',
    );
    expect(() => toJson(1n)).to.throw(NoJsonError, 'it is a bigint, which JSON cannot hold');
    expect(() => toJson(circle)).to.throw(TypeError, 'circular');
    expect(toJson({ a: new Date(0), b: undefined })).to.equal('{"a":"1970-01-01T00:00:00.000Z"}');
    expect(toJson(undefined)).to.equal(undefined);
  });
});
