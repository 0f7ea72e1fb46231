import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import {
  DEFAULT_RETRY,
  isRetryable,
  type RetryOptions,
  retryDelayMs,
  setLineage,
} from '../../shared/retry.ts';

class HttpError extends Error {}
class NotFound extends HttpError {}

const ofVm = (): Error => runInNewContext('new TypeError("from afar")');

/** One that came from another process, where it was a NotFound. */
function foreign(): Error {
  const error = new Error();
  setLineage(error, ['NotFound', 'HttpError', '', 'Error']);
  return error;
}

const policyOf = (options: RetryOptions) => ({ ...DEFAULT_RETRY, ...options });

describe('the retry policy', () => {
  const delays: readonly [why: string, options: RetryOptions, expected: readonly number[]][] = [
    ['doubles from a second on', {}, [1000, 2000, 4000, 8000]],
    ['grows by the factor', { delay: 0.5, backoff: 3 }, [500, 1500, 4500]],
    ['stays the same without backoff', { delay: 2, backoff: 1 }, [2000, 2000, 2000]],
    ['stops growing at the longest delay', { maxDelay: 3 }, [1000, 2000, 3000, 3000]],
    ['caps the first delay as well', { delay: 60, maxDelay: 5 }, [5000]],
    ['is never 0', { delay: 0 }, [1, 1, 1]],
  ];
  for (const [why, options, expected] of delays) {
    it(`${why}: ${expected.join(', ')} ms`, () => {
      const policy = policyOf({ ...options, jitter: false });
      expect(expected.map((_, retries) => retryDelayMs(retries, policy))).to.deep.equal(expected);
    });
  }

  const jitters: readonly [random: number, expected: number][] = [
    [0, 1],
    [0.25, 1000],
    [0.5, 2000],
    [0.999_999, 4000],
  ];
  for (const [random, expected] of jitters) {
    it(`spreads over the whole delay: ${random} of 4 s is ${expected} ms`, () => {
      expect(retryDelayMs(2, policyOf({}), () => random)).to.equal(expected);
    });
  }

  it('still has a delay after thousands of retries', () => {
    expect(retryDelayMs(5000, policyOf({ jitter: false }))).to.equal(600_000);
    expect(retryDelayMs(5000, policyOf({ jitter: false, delay: 0 }))).to.equal(1);
  });

  const kinds: readonly [why: string, error: unknown, options: RetryOptions, is: boolean][] = [
    ['any error where nothing is said', new Error(), {}, true],
    ['what is no Error where nothing is said', 'text', {}, true],
    ['an error of a listed class', new HttpError(), { on: [TypeError, HttpError] }, true],
    ['an error of a subclass of a listed one', new NotFound(), { on: [HttpError] }, true],
    ['an error of another class', new TypeError(), { on: [HttpError] }, false],
    ['an error of the parent of a listed class', new HttpError(), { on: [NotFound] }, false],
    ['what is no Error where classes are listed', 'text', { on: [Error] }, false],
    ['an excepted class', new HttpError(), { except: [HttpError] }, false],
    ['a subclass of an excepted one', new NotFound(), { except: [HttpError] }, false],
    ['the rest beside an exception', new TypeError(), { except: [HttpError] }, true],
    ['a foreign error whose class is listed by name', foreign(), { on: [NotFound] }, true],
    ['a foreign error of a subclass of a listed one', foreign(), { on: [HttpError] }, true],
    ['a foreign error of another class', foreign(), { on: [TypeError] }, false],
    [
      'a foreign error beside a class without a name',
      foreign(),
      { on: [class extends Error {}] },
      false,
    ],
    ['an error of another realm by its name', ofVm(), { on: [TypeError] }, true],
    ['an error of another realm by another name', ofVm(), { on: [RangeError] }, false],
    ['a foreign error of an excepted class', foreign(), { except: [HttpError] }, false],
    [
      'a class both listed and excepted',
      new NotFound(),
      { on: [HttpError], except: [NotFound] },
      false,
    ],
  ];
  for (const [why, error, options, is] of kinds) {
    it(`${is ? 'retries' : 'does not retry'} ${why}`, () => {
      expect(isRetryable(error, policyOf(options))).to.equal(is);
    });
  }
});
