import { expect } from 'chai';
import { bind, type Input, requestPath } from '../../shared/binding.ts';

const properties = { a: {}, b: {}, c: {} };
const guarded = { validates: true, input: { type: 'object', properties } };
const opaque = { validates: true, input: null };
const free = { validates: false, input: null };

type Spec = Parameters<typeof bind>[0];

describe('the binding of arguments', () => {
  const right: readonly [why: string, Spec, args: unknown[], kwargs: Input, input: Input][] = [
    ['args to properties in their order', guarded, [1, 2], {}, { a: 1, b: 2 }],
    ['args, then kwargs', guarded, [1], { c: 3 }, { a: 1, c: 3 }],
    ['as many args as there are properties', guarded, [1, 2, 3], {}, { a: 1, b: 2, c: 3 }],
    ['null as a value', guarded, [null], {}, { a: null }],
    ['kwargs alone', guarded, [], { b: 2 }, { b: 2 }],
    ['kwargs that the schema does not know', guarded, [], { x: 1 }, { x: 1 }],
    ['nothing', guarded, [], {}, {}],
    ['kwargs alone to an opaque schema', opaque, [], { a: 1 }, { a: 1 }],
    ['kwargs where there is no schema, args stay apart', free, [1, 2], { a: 1 }, { a: 1 }],
  ];
  for (const [why, spec, args, kwargs, input] of right) {
    it(`binds ${why}`, () => {
      expect(bind(spec, args, kwargs)).to.deep.include({ ok: true, input });
    });
  }

  const wrong: readonly [why: string, Spec, args: unknown[], Input, path: string, says: string][] =
    [
      [
        'too many args',
        guarded,
        [1, 2, 3, 4],
        {},
        '/args',
        'at most 3 positional arguments, got 4',
      ],
      ['a property given twice', guarded, [1, 2], { b: 2 }, '/args/1', '"b" is given twice'],
      ['undefined as the second value', guarded, [1], { a: undefined }, '/args/0', 'given twice'],
      ['args to an opaque schema', opaque, [1], {}, '/args', 'keyword arguments only'],
      [
        'args to a schema without properties',
        { validates: true, input: {} },
        [1],
        {},
        '/args',
        'only',
      ],
    ];
  for (const [why, spec, args, kwargs, path, says] of wrong) {
    it(`refuses ${why}`, () => {
      const bound = bind(spec, args, kwargs);
      expect(bound.ok).to.equal(false);
      if (bound.ok) return;
      expect(bound.errors.map((error) => error.path)).to.deep.equal([path]);
      expect(bound.errors[0]?.message).to.contain(says);
    });
  }

  it('names every property that is given twice', () => {
    const bound = bind(guarded, [1, 2], { a: 1, b: 2 });
    expect(bound).to.have.property('errors').with.length(2);
  });

  it('does not take what every object inherits for a keyword', () => {
    const spec = { validates: true, input: { properties: { toString: {} } } };
    expect(bind(spec, [1], {})).to.deep.include({ ok: true, input: { toString: 1 } });
  });

  it('leaves the kwargs of the request as they are', () => {
    const kwargs = Object.freeze({ b: 2 });
    expect(bind(guarded, [1], kwargs)).to.deep.include({ input: { a: 1, b: 2 } });
    expect(kwargs).to.deep.equal({ b: 2 });
  });

  const paths: readonly [pointer: string, positional: string[], expected: string][] = [
    ['/to', [], '/kwargs/to'],
    ['/to', ['to'], '/args/0'],
    ['/b', ['a', 'b'], '/args/1'],
    ['/b/0/name', ['a', 'b'], '/args/1/0/name'],
    ['/c/0', ['a', 'b'], '/kwargs/c/0'],
    ['', ['a'], '/kwargs'],
    ['/a~1b', ['a/b'], '/args/0'],
    ['/a~0b', ['a~b'], '/args/0'],
    ['/a~1b', [], '/kwargs/a~1b'],
  ];
  for (const [pointer, positional, expected] of paths) {
    it(`finds "${pointer}" of the input at ${expected} of the request`, () => {
      expect(requestPath(pointer, positional)).to.equal(expected);
    });
  }
});
