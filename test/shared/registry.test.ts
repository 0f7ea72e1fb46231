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
    expect(create).to.throw(DefinitionError, 'Two tasks are named "add": in math.ts and more.ts');
  });
});

const NOTHING_SAID = {
  priority: 5,
  expires: null,
  time_limit: null,
  soft_time_limit: null,
  rate_limit: null,
  max_concurrency: null,
  run_in: 'main',
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

  const opaque: readonly [why: string, input: StandardSchemaV1<object>][] = [
    ['has no JSON Schema for a date', z.object({ at: z.date() })],
    ['comes of a library without JSON Schema', withoutJsonSchema()],
  ];
  for (const [why, input] of opaque) {
    it(`still says that input is checked where the schema ${why}`, () => {
      const spec = specOf(defineTask('opaque', { input, run }));
      expect(spec).to.include({ input: null, validates: true });
    });
  }

  it('refuses a task that is unique by a property that its input does not have', () => {
    const input = z.object({ address: z.string() });
    const taskOf = (key: string[]) => defineTask('mail', { input, unique: { key }, run });
    expect(() => createRegistry([[taskOf(['addres']), 'a.ts']])).to.throw(
      DefinitionError,
      /unique\.key of task "mail" to name properties of its input, got "addres".*"address"/,
    );
    expect(createRegistry([[taskOf(['address']), 'a.ts']]).size).to.equal(1);
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
