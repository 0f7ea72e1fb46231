import { expect } from 'chai';
import { z } from 'zod';
import { check } from '../../shared/validation.ts';

const SCHEMA = {
  type: 'object',
  additionalProperties: false,
  required: ['to'],
  properties: {
    to: { type: 'string', format: 'email' },
    times: { type: 'integer', minimum: 1 },
    share: { type: 'number', exclusiveMaximum: 1 },
    at: { type: 'string', format: 'date-time' },
    size: { enum: ['small', 'big'] },
    list: { type: 'array', items: { type: 'object', required: ['a/b'] } },
    either: { type: ['string', 'null'] },
  },
};

describe('the check by JSON Schema', () => {
  it('finds nothing wrong with what is right', () => {
    const value = { to: 'a@example.org', times: 2, size: 'big', list: [], either: null };
    expect(check(SCHEMA, value)).to.deep.equal([]);
  });

  const table: readonly [value: unknown, path: string, says: string][] = [
    [{}, '/to', 'is required'],
    [{ to: 7 }, '/to', 'expected string, got number'],
    [{ to: null }, '/to', 'expected string, got null'],
    [{ to: [] }, '/to', 'expected string, got array'],
    [{ to: 'nobody' }, '/to', 'must match format "email"'],
    [{ to: 'a@b.c', times: 0 }, '/times', 'expected a number >= 1, got 0'],
    [
      { to: 'a@b.c', at: 'noon' },
      '/at',
      'expected a date-time with its zone, such as 2035-11-22T10:00:00Z',
    ],
    [{ to: 'a@b.c', share: 2 }, '/share', 'expected a number < 1, got 2'],
    [{ to: 'a@b.c', times: 1.5 }, '/times', 'expected integer, got number'],
    [{ to: 'a@b.c', size: 'tiny' }, '/size', 'expected one of ["small","big"]'],
    [{ to: 'a@b.c', either: 1 }, '/either', 'expected string,null, got number'],
    [{ to: 'a@b.c', time: 1 }, '/time', 'unknown field "time" - did you mean "times"?'],
    [{ to: 'a@b.c', zzz: 1 }, '/zzz', 'unknown field "zzz"'],
    [{ to: 'a@b.c', 'x/~': 1 }, '/x~1~0', 'unknown field "x/~"'],
    [{ to: 'a@b.c', list: [{}] }, '/list/0/a~1b', 'is required'],
    ['text', '', 'expected object, got string'],
    [undefined, '', 'expected object, got undefined'],
  ];
  for (const [value, path, says] of table) {
    it(`says of ${JSON.stringify(value)}: "${path}" ${says}`, () => {
      expect(check(SCHEMA, value)).to.deep.equal([{ path, message: says }]);
    });
  }

  it('says of a format what it is, not by which pattern a library checks it', () => {
    const schema = z.toJSONSchema(z.object({ to: z.email(), code: z.string().regex(/^[A-Z]$/) }));
    expect(JSON.stringify(schema)).to.match(/"format":"email","pattern"/);
    expect(check(schema, { to: 'nobody', code: 'a' })).to.have.deep.members([
      { path: '/to', message: 'must match format "email"' },
      { path: '/code', message: 'must match pattern "^[A-Z]$"' },
    ]);
    expect(check(schema, { to: 'a@example.org', code: 'A' })).to.deep.equal([]);
  });

  it('names every fault', () => {
    const faults = check(SCHEMA, { times: 'x', size: 1, zzz: 1 });
    expect(faults.map(({ path }) => path)).to.have.members(['/to', '/times', '/size', '/zzz']);
  });

  it('stops naming them at twenty', () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`field${i}`, i]));
    expect(check(SCHEMA, many)).to.have.length(20);
  });
});
