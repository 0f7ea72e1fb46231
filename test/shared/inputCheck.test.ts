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

  it('checks large inputs of harmless schemas to their end', () => {
    const schema = schemaOf(z.object({ list: z.array(z.object({ id: z.number() })) }));
    const list = Array.from({ length: 50_000 }, (_, id) => ({ id }));
    expect(checkInput(schema, { list })).to.deep.equal([]);
    const wrong = checkInput(schema, { list: [...list, {}] });
    expect(wrong).to.deep.equal([{ path: '/list/50000/id', message: 'is required' }]);
  });
});
