import { expect } from 'chai';
import { z } from 'zod';
import { checkInput } from '../../shared/inputCheck.ts';

const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input' });
const TOO_LONG = /^takes longer than 100 ms to check/;

describe('the check of an input', () => {
  it('is that of its schema, also where it is watched', () => {
    const schema = schemaOf(z.object({ code: z.string().regex(/^(a+b?)+$/) }));
    expect(checkInput(schema, { code: 'aab' })).to.deep.equal([]);
    expect(checkInput(schema, { code: 'c' })).to.have.length(1);
    expect(checkInput(schema, {})).to.deep.equal([{ path: '/code', message: 'is required' }]);
  });

  for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a*b?)*$', '^(?:a+){10}$', '^a*a*a*a*a*$']) {
    it(`ends within a bounded time: ${pattern}`, () => {
      const schema = { type: 'object', properties: { x: { type: 'string', pattern } } };
      const errors = checkInput(schema, { x: `${'a'.repeat(400)}!` });
      expect(errors).to.have.length(1);
      expect(errors[0]?.message).to.match(TOO_LONG);
    });
  }

  it('ends within a bounded time where a pattern takes the square of a long text', () => {
    const schema = { type: 'object', properties: { x: { type: 'string', pattern: 'a+[^z]*!$' } } };
    expect(checkInput(schema, { x: 'a'.repeat(100_000) })[0]?.message).to.match(TOO_LONG);
    expect(checkInput(schema, { x: 'aa!' })).to.deep.equal([]);
  });

  for (const pattern of ['a+$', '.*ab$', 'x|a+$', '(?:^b|a)+$', '[a-z]{1,1000}!', 'a{1000}!']) {
    it(`ends within a bounded time where a pattern is tried from each letter on: ${pattern}`, () => {
      const schema = { type: 'object', properties: { x: { type: 'string', pattern } } };
      const errors = checkInput(schema, { x: `${'a'.repeat(1_000_000)}?` });
      expect(errors[0]?.message).to.match(TOO_LONG);
    });
  }

  it('ends within a bounded time where the library has made the pattern, or the format is slow', () => {
    const text = 'a'.repeat(1_000_000);
    const ends = schemaOf(z.object({ x: z.string().endsWith('!') }));
    expect(checkInput(ends, { x: text })[0]?.message).to.match(TOO_LONG);
    const url = { type: 'object', properties: { x: { type: 'string', format: 'url' } } };
    const colons = `http://a.${':'.repeat(200_000)}!`;
    expect(checkInput(url, { x: colons })[0]?.message).to.match(TOO_LONG);
  });

  it('ends within a bounded time where the names have a pattern', () => {
    const schema = schemaOf(z.record(z.string().regex(/a+$/), z.number()));
    const errors = checkInput(schema, { [`${'a'.repeat(1_000_000)}!`]: 1 });
    expect(errors[0]?.message).to.match(TOO_LONG);
  });

  it('leaves a short text to a pattern of which the time is in proportion', () => {
    const schema = schemaOf(z.object({ x: z.email(), y: z.string().regex(/^\d+-(?:a|b)$/) }));
    expect(checkInput(schema, { x: 'a@b.org', y: '12-b' })).to.deep.equal([]);
    expect(checkInput(schema, { x: 'a', y: '12-c' })).to.have.length(2);
  });

  it('takes patterns that are none with the flag u, and leaves what it cannot read to the worker', () => {
    const bracket = schemaOf(z.object({ x: z.string().regex(/^a]$/) }));
    expect(checkInput(bracket, { x: 'a]' })).to.deep.equal([]);
    expect(checkInput(bracket, { x: 'a' })).to.have.length(1);
    for (const property of [{ $ref: '#/nowhere' }, { type: 'string', pattern: '(' }]) {
      const schema = { type: 'object', properties: { x: property } };
      expect(checkInput(schema, { x: 1 })).to.deep.equal([]);
    }
  });

  it('ends within a bounded time where many kinds are tried at many places', () => {
    const kinds = Array.from({ length: 100 }, (_, i) => z.object({ kind: z.literal(i) }));
    const schema = schemaOf(z.object({ list: z.array(z.union(kinds)) }));
    const list = Array(80_000).fill({ kind: 99 });
    expect(checkInput(schema, { list })[0]?.message).to.match(TOO_LONG);
    expect(checkInput(schema, { list: list.slice(0, 100) })).to.deep.equal([]);
  });

  it('tells the first faults only where each place has many, as that of a choice has', () => {
    const kinds = Array.from({ length: 20 }, (_, i) => z.object({ kind: z.literal(i) }));
    const schema = schemaOf(z.object({ list: z.array(z.union(kinds)) }));
    const paths = (count: number) =>
      new Set(checkInput(schema, { list: Array(count).fill({}) }).map(({ path }) => path));
    expect([...paths(9000)]).to.deep.equal(['/list/0/kind']);
    const plain = schemaOf(z.object({ list: z.array(z.object({ kind: z.number() })) }));
    expect(checkInput(plain, { list: Array(4000).fill({}) })).to.have.length(20);
  });

  it('checks large inputs of harmless schemas to their end', () => {
    const schema = schemaOf(z.object({ list: z.array(z.object({ id: z.number() })) }));
    const list = Array.from({ length: 50_000 }, (_, id) => ({ id }));
    expect(checkInput(schema, { list })).to.deep.equal([]);
    const wrong = checkInput(schema, { list: [...list, {}] });
    expect(wrong).to.deep.equal([{ path: '/list/50000/id', message: 'is required' }]);
  });
});
