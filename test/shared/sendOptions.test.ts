import { expect } from 'chai';
import { InvalidRequestError } from '../../shared/errors.ts';
import { SCHEMAS, type SendTaskRequest } from '../../shared/schemas.ts';
import { requestOf, type SendOptions } from '../../shared/sendOptions.ts';
import { check } from '../../shared/validation.ts';

const at = new Date('2026-11-22T10:00:00.000Z');
const time = at.toISOString();

const EVERY: SendOptions = {
  args: [1],
  taskId: 'a',
  queue: 'q',
  priority: 0,
  countdown: 0,
  expires: 0,
  timeLimit: 2,
  softTimeLimit: 1,
  maxRetries: 0,
  ignoreResult: false,
  resultExpires: 5,
  headers: {},
  tags: [],
};

describe('the options of a send', () => {
  it('say in camelCase what the request says in snake_case, nothing lost for being 0 or false', () => {
    const request = requestOf('add', { a: 1 }, EVERY);
    expect(request).to.deep.equal({
      ...{ name: 'add', args: [1], kwargs: { a: 1 }, task_id: 'a', queue: 'q', priority: 0 },
      ...{ countdown: 0, expires: 0, time_limit: 2, soft_time_limit: 1, max_retries: 0 },
      ...{ ignore_result: false, result_expires: 5, headers: {}, tags: [] },
    });
    expect(check(SCHEMAS.SendTask, request)).to.deep.equal([]);
  });

  it('reach every field of a request', () => {
    const { countdown: _, ...rest } = EVERY;
    const both = { ...requestOf('add', {}, EVERY), ...requestOf('add', {}, { ...rest, eta: at }) };
    expect(Object.keys(both).sort()).to.deep.equal(Object.keys(SCHEMAS.SendTask.properties).sort());
  });

  const cases: readonly [why: string, options: SendOptions, request: Partial<SendTaskRequest>][] = [
    ['nothing is said', {}, {}],
    ['an option is undefined', { ...{ queue: undefined as never }, tags: ['t'] }, { tags: ['t'] }],
    ['times are dates', { eta: at, expires: at }, { eta: time, expires: time }],
    ['an expiry is in seconds', { expires: 1.5 }, { expires: 1.5 }],
  ];
  for (const [why, options, request] of cases) {
    it(`are no more than what was said when ${why}`, () => {
      const all = requestOf('add', undefined, options);
      expect(all).to.deep.equal({ name: 'add', ...request });
    });
  }

  it('are refused by name where there is no such option', () => {
    const mistyped: object = { countdwn: 3 };
    expect(() => requestOf('add', {}, mistyped))
      .to.throw(InvalidRequestError)
      .with.deep.property('errors', [
        { path: '/countdwn', message: 'unknown option "countdwn" - did you mean "countdown"?' },
      ]);
  });

  const wrong: readonly [why: string, options: object, path: string][] = [
    ['a time in words', { eta: 'tomorrow' }, '/eta'],
    ['a priority that is none', { priority: 'high' }, '/priority'],
  ];
  for (const [why, options, path] of wrong) {
    it(`leave it to whoever accepts the request to refuse ${why}`, () => {
      const errors = check(SCHEMAS.SendTask, requestOf('add', {}, options as SendOptions));
      expect([...new Set(errors.map((error) => error.path))]).to.deep.equal([path]);
    });
  }

  it('take a time as text too, from programs without types', () => {
    const options = { eta: time, expires: time } as unknown as SendOptions;
    expect(requestOf('add', {}, options)).to.include({ eta: time, expires: time });
  });

  it('are refused by the place of the call among many', () => {
    const mistyped: object = { countdwn: 3 };
    expect(() => requestOf('add', {}, mistyped, '/tasks/7')).to.throw(
      /^\/tasks\/7\/options\/countdwn: /,
    );
  });
});

describe('the input of a send', () => {
  const circle: { self?: object } = {};
  circle.self = circle;
  const none: readonly [why: string, input: object, options: SendOptions, message: RegExp][] = [
    ['holds a bigint', { n: 1n }, {}, /^\/tasks\/1\/kwargs\/n: expected JSON, got a bigint$/],
    ['goes in circles', circle, {}, /^\/tasks\/1: is no JSON: .*circular/],
    ['is an argument that is none', {}, { args: [1n] }, /^\/tasks\/1\/args\/0: expected JSON/],
    ['has such headers', {}, { headers: { n: 1n } }, /\/headers\/n: expected JSON, got a bigint$/],
    [
      'has an invalid eta',
      {},
      { eta: new Date('x') },
      /\/eta: expected JSON, got an invalid Date$/,
    ],
    ['has no number', {}, { priority: Number.NaN }, /\/priority: expected JSON, got NaN$/],
  ];
  for (const [why, input, options, message] of none) {
    it(`is refused when it ${why}`, () => {
      expect(() => requestOf('add', input, options, '/tasks/1')).to.throw(
        InvalidRequestError,
        message,
      );
    });
  }

  it('is copied as JSON, so that it is the same over HTTP and over Redis', () => {
    const input = { at, gone: undefined, list: [1] };
    const { kwargs } = requestOf('add', input);
    input.list.push(2);
    expect(kwargs).to.deep.equal({ at: time, list: [1] });
  });
});
