import { expect } from 'chai';
import * as errors from '../../shared/taskErrors.ts';
import { describeError } from '../../worker/outcome.ts';

const { Reject, RetryRequest, SoftTimeLimitExceeded, TaskExpired, TaskRevokedError } = errors;
const { MaxRetriesExceededError, TimeLimitExceeded, WorkerLostError } = errors;

describe('errors about runs', () => {
  const table: readonly [error: Error, type: string, message: string | RegExp][] = [
    [new RetryRequest(), 'Retry', 'The task asked to be run again'],
    [new RetryRequest({ error: new TypeError('502') }), 'Retry', '502'],
    [new RetryRequest({ error: 'text' }), 'Retry', 'The task asked to be run again'],
    [new Reject(), 'Reject', 'The task was rejected'],
    [new Reject('not here'), 'Reject', 'not here'],
    [new MaxRetriesExceededError('3 of 3'), 'MaxRetriesExceededError', '3 of 3'],
    [new TimeLimitExceeded(1.5), 'TimeLimitExceeded', /time limit of 1.5 s$/],
    [new SoftTimeLimitExceeded(2), 'SoftTimeLimitExceeded', /soft time limit of 2 s$/],
    [new WorkerLostError('gone'), 'WorkerLostError', 'gone'],
    [new TaskRevokedError(), 'TaskRevokedError', 'The task was revoked'],
    [new TaskExpired(), 'TaskExpired', /before it expired$/],
  ];
  for (const [error, type, message] of table) {
    it(`are shown as ${type}: ${message}`, () => {
      const described = describeError(error);
      expect(described.type).to.equal(type);
      if (typeof message === 'string') expect(described.message).to.equal(message);
      else expect(described.message).to.match(message);
      expect(error).to.be.instanceOf(Error);
    });
  }

  it('put a task back after a second, unless told otherwise', () => {
    expect(new Reject('no')).to.include({ requeue: false, delay: 1 });
    expect(new Reject('no', { requeue: true, delay: 5 })).to.include({ requeue: true, delay: 5 });
  });

  it('keep what a retry was asked with', () => {
    const options = { countdown: 5, maxRetries: 9 };
    expect(new RetryRequest(options).options).to.equal(options);
  });

  const noSeconds: readonly unknown[] = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e9,
    '60',
    null,
    Symbol('soon'),
  ];
  for (const seconds of noSeconds) {
    const got = typeof seconds === 'string' ? `"${seconds}"` : String(seconds);
    it(`refuse to wait for ${got} s`, () => {
      const time = seconds as number;
      const expected = (what: string) =>
        `Expected \`${what} to be a number of seconds, at most ten years, got ${got}`;
      expect(() => new RetryRequest({ countdown: time })).to.throw(
        RangeError,
        expected('countdown` of ctx.retry()'),
      );
      expect(() => new Reject('no', { delay: time })).to.throw(
        RangeError,
        expected('delay` of Reject'),
      );
    });
  }

  it('take any other number of seconds, also one that is past', () => {
    const years = 10 * 365 * 86_400;
    for (const time of [0, 0.5, -5, years]) {
      expect(new RetryRequest({ countdown: time }).options).to.deep.equal({ countdown: time });
      expect(new Reject('no', { delay: time })).to.include({ delay: time });
    }
  });

  it('say why another run was asked for also when its time is refused', () => {
    const error = new TypeError('502');
    const request = () => new RetryRequest({ countdown: Number.NaN, error });
    expect(request).to.throw(RangeError).with.property('cause', error);
  });
});
