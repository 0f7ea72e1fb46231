import { expect } from 'chai';
import { z } from 'zod';
import { DefinitionError } from '../../shared/errors.ts';
import { defineTask, isTask } from '../../shared/task.ts';
import { isQueueName } from '../../shared/taskOptions.ts';

const run = () => undefined;
class HttpError extends Error {}

describe('defineTask', () => {
  it('makes a frozen task of name, schema, options and function', () => {
    const input = z.object({ a: z.number() });
    const retry = { max: 5, delay: 0.1, backoff: 1, maxDelay: 1, jitter: false, on: [HttpError] };
    const options = { queue: 'slow', retry, resultExpires: 60, ignoreResult: true };
    const task = defineTask('billing.charge-card_2', { input, ...options, run });
    expect(task.name).to.equal('billing.charge-card_2');
    expect(task.schema).to.equal(input);
    expect(task.options).to.deep.equal(options);
    expect(task.run).to.equal(run);
    expect(task).to.be.frozen;
  });

  it('ignores an option that is undefined', () => {
    // As JavaScript callers and callers without exactOptionalPropertyTypes may write it.
    expect(defineTask('a', { queue: undefined, run } as never).name).to.equal('a');
  });

  const names: readonly unknown[] = [
    '',
    '1st',
    '.hidden',
    'two words',
    'ärger',
    'a:b',
    'a/b',
    'a\n',
    'x'.repeat(129),
    undefined,
    null,
    ['a'],
  ];
  for (const name of names) {
    it(`refuses the name ${JSON.stringify(name)?.slice(0, 20)}`, () => {
      const define = () => defineTask(name as string, { run });
      expect(define).to.throw(DefinitionError, 'Expected a task name of letters');
    });
  }

  it('takes a name of 128 letters', () => {
    expect(defineTask('x'.repeat(128), { run }).name).to.have.length(128);
  });

  const wrong: readonly [definition: object, message: string][] = [
    [{}, 'expected `run` to be a function'],
    [{ run: 'code' }, 'expected `run` to be a function'],
    [{ run, input: {} }, 'expected `input` to be a Standard Schema'],
    [{ run, input: null }, 'expected `input` to be a Standard Schema'],
    [{ run, queu: 'x' }, 'expected only known options, got `queu` - did you mean "queue"?'],
    [{ run, timelimit: 3 }, 'got `timelimit` - did you mean "timeLimit"?'],
    [{ run, retry: { maxdelay: 3 } }, 'got `retry.maxdelay` - did you mean "retry.maxDelay"?'],
    [{ run, constructor: 1 }, 'expected only known options, got `constructor`'],
    [{ run, retry: { toString: 1 } }, 'expected only known options, got `retry.toString`'],
    [{ run, queue: 'a b' }, 'expected `queue` to be a name of letters, digits, "_", "." or "-"'],
    [{ run, queue: '..' }, 'not "." or "..", got ".."'],
    [{ run, queue: 7 }, '`queue`'],
    [{ run, resultExpires: 0 }, '`resultExpires` to be a positive number of seconds, got 0'],
    [{ run, resultExpires: '60' }, '`resultExpires` to be a positive number of seconds, got "60"'],
    [{ run, resultExpires: Number.NaN }, '`resultExpires` to be a positive number of seconds'],
    [{ run, resultExpires: Number.POSITIVE_INFINITY }, '`resultExpires`'],
    [{ run, resultExpires: 10n }, '`resultExpires`'],
    [{ run, ignoreResult: 'yes' }, '`ignoreResult` to be a boolean, got "yes"'],
    [{ run, description: 1 }, '`description` to be a string, got 1'],
    [{ run, retry: true }, '`retry` to be an object, got true'],
    [{ run, retry: null }, '`retry` to be an object, got null'],
    [{ run, retry: { times: 3 } }, 'expected only known options, got `retry.times`'],
    [{ run, retry: { max: -1 } }, '`retry.max` to be a whole number, 0 or more, got -1'],
    [{ run, retry: { max: 1.5 } }, '`retry.max` to be a whole number, 0 or more, got 1.5'],
    [{ run, retry: { delay: -1 } }, '`retry.delay` to be a number of seconds, 0 or more, got -1'],
    [{ run, retry: { backoff: 0.5 } }, '`retry.backoff` to be a number, 1 or more, got 0.5'],
    [{ run, retry: { maxDelay: 'x' } }, '`retry.maxDelay` to be a number of seconds'],
    [
      { run, retry: { maxDelay: 1e9 } },
      '`retry.maxDelay` to be a number of seconds, 0 to ten years',
    ],
    [{ run, retry: { jitter: 1 } }, '`retry.jitter` to be a boolean, got 1'],
    [{ run, retry: { on: HttpError } }, 'a list of error classes, got the function HttpError'],
    [{ run, retry: { on: ['HttpError'] } }, 'a list of error classes, got ["HttpError"]'],
    [{ run, retry: { except: [null] } }, '`retry.except` to be a list of error classes'],
  ];
  for (const [definition, message] of wrong) {
    const keys = Object.entries(definition).map(([key, value]) => `${key}: ${inWords(value)}`);
    it(`refuses { ${keys.join(', ')} } and names the task`, () => {
      const define = () => defineTask('pay', definition as never);
      expect(define).to.throw(DefinitionError, 'Task "pay"');
      expect(define).to.throw(message);
    });
  }
});

function inWords(value: unknown): string {
  if (typeof value === 'function') return value.name;
  return typeof value === 'object' && value !== null
    ? `{ ${Object.entries(value).map(([key, inner]) => `${key}: ${inWords(inner)}`)} }`
    : String(value);
}

describe('isTask', () => {
  it('knows a task of another copy of the package', async () => {
    const copy: typeof import('../../shared/task.ts') = await import(
      new URL('../../shared/task.ts?copy', import.meta.url).href
    );
    expect(copy.defineTask).not.to.equal(defineTask);
    expect(isTask(copy.defineTask('a', { run }))).to.equal(true);
  });

  for (const value of [undefined, null, 'a', run, {}, { name: 'a', options: {}, run }]) {
    it(`does not take ${inWords(value)} for one`, () => {
      expect(isTask(value)).to.equal(false);
    });
  }
});

describe('isQueueName', () => {
  const table: readonly [name: unknown, is: boolean][] = [
    ['default', true],
    ['Mail.v2_eu-west', true],
    ['7', true],
    ['q'.repeat(128), true],
    ['q'.repeat(129), false],
    ['', false],
    ['a:b', false],
    ['{a}', false],
    ['.', false],
    ['..', false],
    ['...', true],
    ['ä', false],
    [7, false],
  ];
  for (const [name, is] of table) {
    it(`${is ? 'takes' : 'refuses'} ${String(name).slice(0, 20)} (${typeof name})`, () => {
      expect(isQueueName(name)).to.equal(is);
    });
  }
});
