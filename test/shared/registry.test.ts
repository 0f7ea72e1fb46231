import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect } from 'chai';
import { z } from 'zod';
import { DefinitionError } from '../../shared/errors.ts';
import { createRegistry, specOf } from '../../shared/registry.ts';
import { defineTask } from '../../shared/task.ts';

const run = () => undefined;
const add = defineTask('add', { run });
const twin = defineTask('add', { run });

describe('the registry', () => {
  it('holds tasks by name', () => {
    const pay = defineTask('pay', { run });
    const registry = createRegistry([
      [add, 'a.ts'],
      [pay, 'a.ts'],
    ]);
    expect([...registry]).to.deep.equal([
      ['add', add],
      ['pay', pay],
    ]);
  });

  it('takes one task that two modules export', () => {
    const registry = createRegistry([
      [add, 'math.ts'],
      [add, 'index.ts'],
    ]);
    expect([...registry.values()]).to.deep.equal([add]);
  });

  it('refuses two tasks of one name and says where both are', () => {
    const create = () =>
      createRegistry([
        [add, 'math.ts'],
        [twin, 'more.ts'],
      ]);
    const says = /^Two tasks are named "add": in math.ts and more.ts$/;
    expect(create).to.throw(DefinitionError, says);
  });

  it('says what to do where a file lies beside what was compiled from it', () => {
    const create = () =>
      createRegistry([
        [add, 'tasks/math.js'],
        [twin, 'tasks/math.ts'],
      ]);
    expect(create).to.throw(DefinitionError, /in tasks\/math.js and .*folder of its own/);
  });
});

const NOTHING_SAID = {
  priority: 5,
  expires: null,
  time_limit: null,
  soft_time_limit: null,
  rate_limit: null,
  max_concurrency: null,
  run_in: null,
  acks_late: true,
  unique: null,
};

describe('the published description of a task', () => {
  it('has a default for everything that the task leaves open', () => {
    expect(specOf(add)).to.deep.equal({
      name: 'add',
      description: null,
      input: null,
      validates: false,
      options: {
        queue: 'default',
        max_retries: 0,
        result_expires: null,
        ignore_result: false,
        ...NOTHING_SAID,
      },
    });
  });

  it('tells the options that a call may override', () => {
    const spec = specOf(
      defineTask('pay', {
        description: 'Pays',
        queue: 'slow',
        priority: 9,
        expires: 3600,
        retry: { max: 7 },
        timeLimit: 30,
        softTimeLimit: 25,
        rateLimit: '10/s',
        maxConcurrency: 4,
        runIn: 'thread',
        acksLate: false,
        unique: { key: ['invoice'] },
        resultExpires: 60,
        ignoreResult: true,
        run,
      }),
    );
    expect(spec.description).to.equal('Pays');
    expect(spec.options).to.deep.equal({
      queue: 'slow',
      priority: 9,
      expires: 3600,
      max_retries: 7,
      time_limit: 30,
      soft_time_limit: 25,
      rate_limit: '10/s',
      max_concurrency: 4,
      run_in: 'thread',
      acks_late: false,
      unique: { key: ['invoice'], ttl: 3600 },
      result_expires: 60,
      ignore_result: true,
    });
  });

  it('counts three retries where the task names none but has a policy', () => {
    const spec = specOf(defineTask('pay', { retry: {}, run }));
    expect(spec.options.max_retries).to.equal(3);
  });

  it('shows the schema of the input, not of what the task gets after defaults', () => {
    const input = z.object({ to: z.email(), times: z.number().default(1) });
    const spec = specOf(defineTask('mail', { input, run }));
    expect(spec.validates).to.equal(true);
    expect(spec.input).to.include({ type: 'object' });
    expect(spec.input?.required).to.deep.equal(['to']);
    expect(Object.keys(spec.input?.properties ?? {})).to.deep.equal(['to', 'times']);
  });

  it('publishes no pattern of which JSON Schema cannot say the flags', () => {
    const input = z.object({
      any: z.string().regex(/^a$/i),
      both: z.string().regex(/a/).regex(/^b$/im),
      mail: z.email({ pattern: /@b$/i }),
      exact: z.string().regex(/^a$/u).max(9),
    });
    const { properties } = specOf(defineTask('flags', { input, run: () => 0 })).input ?? {};
    expect(properties).to.deep.equal({
      any: { type: 'string' },
      both: { type: 'string' },
      mail: { type: 'string', format: 'email' },
      exact: { type: 'string', pattern: '^a$', maxLength: 9 },
    });
  });

  it('keeps the rest of a schema of which a part has no JSON Schema', () => {
    const input = z.object({
      user: z.string(),
      when: z.coerce.date(),
      at: z.date().optional(),
      size: z.coerce.bigint().default(1n),
      kind: z.custom<string>(() => true),
    });
    const { input: published } = specOf(defineTask('remind', { input, run }));
    expect(Object.keys(published?.properties ?? {})).to.deep.equal(Object.keys(input.shape));
    expect(published?.properties).to.deep.include({ user: { type: 'string' }, when: {} });
    expect(published?.required).to.include.members(['user', 'when']);
    expect(published?.required).not.to.include.members(['at', 'size']);
  });

  it('says that input is checked where its library has no JSON Schema', () => {
    const spec = specOf(defineTask('opaque', { input: withoutJsonSchema(), run }));
    expect(spec).to.include({ input: null, validates: true });
  });

  const unsendable: readonly [path: string, kind: string, input: StandardSchemaV1<object>][] = [
    ['/when', 'date', z.object({ user: z.string(), when: z.date() })],
    ['/of/big', 'bigint', z.object({ of: z.strictObject({ big: z.bigint() }) })],
    ['/map', 'map', z.object({ map: z.map(z.string(), z.string()) })],
    ['/set', 'set', z.object({ set: z.set(z.string()).min(1) })],
  ];
  for (const [path, kind, input] of unsendable) {
    it(`refuses a task that needs a ${kind}, which no request can hold`, () => {
      const create = () => createRegistry([[defineTask('remind', { input, run }), 'a.ts']]);
      const says = `The input of task "remind" cannot be sent: ${path} is a ${kind}, which JSON`;
      expect(create).to.throw(DefinitionError, says);
    });
  }

  it('takes dates that are made of texts, may be left out, or hold themselves', () => {
    const self: StandardSchemaV1<object> = z.object({
      get self() {
        return self as never;
      },
    });
    const later: StandardSchemaV1<object> = z.object({
      get later(): never {
        throw new ReferenceError('not yet');
      },
    });
    const inputs = [
      z.object({ a: z.coerce.date(), b: z.date().optional(), c: z.date().default(new Date(5)) }),
      z.object({ a: z.iso.datetime().pipe(z.coerce.date()), b: z.union([z.string(), z.date()]) }),
      self,
      later,
    ];
    const tasks = inputs.map((input, i) => [defineTask(`t${i}`, { input, run }), 'a.ts'] as const);
    expect(createRegistry(tasks).size).to.equal(inputs.length);
  });

  it('refuses a task that is unique by a property that its input does not have', () => {
    const input = z.object({ address: z.string() });
    const taskOf = (key: string[]) => defineTask('mail', { input, unique: { key }, run });
    expect(() => createRegistry([[taskOf(['addres']), 'a.ts']])).to.throw(
      DefinitionError,
      /unique\.key of task "mail" to name properties of its input, got "addres".*"address"/,
    );
    expect(createRegistry([[taskOf(['address']), 'a.ts']]).size).to.equal(1);
    const withDate = z.object({ address: z.string(), at: z.coerce.date() });
    const mail = defineTask('mail', { input: withDate, unique: { key: ['addres'] }, run });
    expect(() => createRegistry([[mail, 'a.ts']])).to.throw(DefinitionError, /got "addres"/);
    const free = defineTask('free', { unique: { key: ['any'] }, run });
    expect(createRegistry([[free, 'a.ts']]).size).to.equal(1);
  });

  it('survives the way through JSON', () => {
    const input = z.object({ a: z.number() });
    const spec = specOf(defineTask('add', { input, run }));
    expect(JSON.parse(JSON.stringify(spec))).to.deep.equal(spec);
  });
});

function withoutJsonSchema(): StandardSchemaV1<object> {
  const validate = (value: unknown) => ({ value: value as object });
  return { '~standard': { version: 1, vendor: 'test', validate } };
}
