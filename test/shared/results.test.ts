import { expect } from 'chai';
import { FIELDS, type Place } from '../../shared/jobHash.ts';
import { pendingResult, recordOf } from '../../shared/results.ts';
import { SCHEMAS } from '../../shared/schemas.ts';
import { check } from '../../shared/validation.ts';
import { foundTask, type StoredHash } from '../support/record.ts';

const NOW = 100_000;
const iso = (ms: number) => new Date(ms).toISOString();
const STALLED = 'job stalled more than allowable limit';
const stacktrace = (...tracebacks: string[]) => JSON.stringify(tracebacks);

function record(place: Place, hash: StoredHash = {}, dueMs = '') {
  return recordOf('id-1', 'default', foundTask(place, hash, dueMs), NOW);
}

const read = (place: Place, hash: StoredHash = {}, dueMs = '') =>
  record(place, hash, dueMs)?.result;

const started = { processedOn: 2000, ats: 1, pb: 'w1' };
const succeeded = { ...started, atm: 1, finishedOn: 3500, returnvalue: '5' };
const failed = {
  ...started,
  atm: 1,
  finishedOn: 3500,
  failedReason: 'no',
  stacktrace: '["E: no"]',
};

describe('the record of a task', () => {
  const states: readonly [why: string, place: Place, hash: StoredHash, state: string][] = [
    ['waits for the first time', 'waiting', {}, 'PENDING'],
    ['is due later', 'delayed', {}, 'PENDING'],
    ['went back from a lost worker', 'waiting', started, 'PENDING'],
    ['runs', 'active', started, 'STARTED'],
    ['waits for another attempt', 'delayed', { ...started, atm: 1 }, 'RETRY'],
    ['is due for another attempt', 'waiting', { ...started, atm: 1 }, 'RETRY'],
    ['returned', 'finished', succeeded, 'SUCCESS'],
    ['returned null', 'finished', { ...succeeded, returnvalue: 'null' }, 'SUCCESS'],
    ['returned after a failed attempt', 'finished', { ...failed, ...succeeded, atm: 2 }, 'SUCCESS'],
    ['failed', 'finished', failed, 'FAILURE'],
    [
      'was revoked',
      'finished',
      { ...failed, stacktrace: stacktrace('TaskRevokedError: x') },
      'REVOKED',
    ],
    [
      'came too late',
      'finished',
      { ...failed, stacktrace: stacktrace('TaskExpired: x') },
      'REVOKED',
    ],
  ];
  for (const [why, place, hash, state] of states) {
    it(`is ${state} when it ${why}`, () => {
      const result = read(place, hash);
      expect(result).to.include({
        state,
        ready: ['SUCCESS', 'FAILURE', 'REVOKED'].includes(state),
        successful: state === 'SUCCESS',
        failed: state === 'FAILURE',
      });
      expect(check(SCHEMAS.AsyncResult, result)).to.deep.equal([]);
    });
  }

  const retries: readonly [state: string, place: Place, hash: StoredHash, retries: number][] = [
    ['PENDING', 'waiting', {}, 0],
    ['STARTED, first run', 'active', started, 0],
    ['STARTED, third run', 'active', { ...started, atm: 2 }, 2],
    ['RETRY, the first to come', 'delayed', { ...started, atm: 1 }, 1],
    ['SUCCESS at once', 'finished', succeeded, 0],
    ['SUCCESS at the third run', 'finished', { ...succeeded, atm: 3 }, 2],
    ['FAILURE at once', 'finished', failed, 0],
    ['FAILURE after two retries', 'finished', { ...failed, atm: 3 }, 2],
    ['FAILURE of a lost worker', 'finished', { ...failed, atm: 0, failedReason: STALLED }, 0],
  ];
  for (const [state, place, hash, expected] of retries) {
    it(`counts ${expected} retries at ${state}`, () => {
      expect(read(place, hash)?.retries).to.equal(expected);
    });
  }

  it('has the times of a run in UTC, and its length in seconds', () => {
    const times = { started_at: iso(2000), date_done: iso(3500), runtime: 1.5, sent_at: iso(1000) };
    expect(read('finished', succeeded)).to.include(times);
    expect(read('active', started)).to.include({ ...times, date_done: null, runtime: null });
    expect(read('waiting', started)).to.include({ started_at: null, worker: null });
  });

  it('has the worker while it runs and afterwards', () => {
    expect(read('active', started)?.worker).to.equal('w1');
    expect(read('finished', failed)?.worker).to.equal('w1');
    expect(read('delayed', { ...started, atm: 1 })?.worker).to.equal(null);
  });

  it('has as eta when the next attempt is due, afterwards what the call said', () => {
    const data = { kwargs: {}, eta: 5000 };
    expect(read('delayed', { data }, '7000')?.eta).to.equal(iso(7000));
    expect(read('finished', { ...succeeded, data })?.eta).to.equal(iso(5000));
    expect(read('waiting')?.eta).to.equal(null);
  });

  it('has an error at FAILURE and RETRY: the type and traceback of the last attempt', () => {
    const tracebacks = stacktrace('First: 1', 'app.HttpError: no\n    at x');
    const error = {
      type: 'app.HttpError',
      message: 'no',
      traceback: 'app.HttpError: no\n    at x',
    };
    expect(read('finished', { ...failed, stacktrace: tracebacks })?.error).to.deep.equal(error);
    const retry = { ...started, atm: 2, failedReason: 'no', stacktrace: tracebacks };
    expect(read('delayed', retry)?.error).to.deep.equal(error);
    expect(read('active', retry)?.error).to.equal(null);
    expect(read('finished', { ...retry, ...succeeded })?.error).to.equal(null);
  });

  it('says WorkerLostError of a task that has cost three workers their life', () => {
    const lost = read('finished', { ...failed, failedReason: STALLED });
    expect(lost?.error?.type).to.equal('WorkerLostError');
    expect(lost?.error?.message).to.contain('lost, three times');
    // BullMQ's times are those of its filing: no run has told when it began.
    expect(lost).to.include({ started_at: null, runtime: null, worker: 'w1' });
  });

  const others: readonly [why: string, stacktrace: unknown][] = [
    ['no traceback', undefined],
    ['an empty list', '[]'],
    ['no list', '"x"'],
    ['no JSON', 'oops'],
  ];
  for (const [why, trace] of others) {
    it(`still tells a failure of which another program stored ${why}`, () => {
      const error = read('finished', { ...failed, stacktrace: trace })?.error;
      expect(error).to.deep.equal({ type: 'Error', message: 'no', traceback: '' });
    });
  }

  it('shows the result as it is, and the text of one that is no JSON', () => {
    expect(read('finished', { ...succeeded, returnvalue: '{"a":[1]}' })?.result).to.deep.equal({
      a: [1],
    });
    expect(read('finished', { ...succeeded, returnvalue: 'oops' })?.result).to.equal('oops');
  });

  describe('progress', () => {
    const progress = { state: 'UPLOADING', meta: { done: 3 }, start: 1, report: 4 };

    it('gives state, meta and number of the report while it runs', () => {
      const found = record('active', { ...started, progress });
      expect(found?.result).to.deep.include({ state: 'UPLOADING', progress: { done: 3 } });
      expect(found).to.include({ starts: 1, reports: 4 });
    });

    it('of an earlier run is not shown', () => {
      const found = record('active', { ...started, ats: 2, progress });
      expect(found?.result).to.include({ state: 'STARTED', progress: null });
      expect(found?.reports).to.equal(0);
    });

    it('is not shown once the task has ended', () => {
      expect(read('finished', { ...succeeded, progress })).to.include({ progress: null });
    });

    for (const foreign of [50, { done: 3 }, 'half', null, 'oops{']) {
      it(`that another program stored as ${JSON.stringify(foreign)} is passed over`, () => {
        const result = read('active', { ...started, progress: foreign ?? 'null' });
        expect(result).to.include({ state: 'STARTED', progress: null });
      });
    }
  });

  describe('with a lifetime of its own', () => {
    const data = { kwargs: {}, result_expires: 10 };

    it('is gone as soon as that is over, though still stored', () => {
      const ended = (finishedOn: number) => record('finished', { ...succeeded, data, finishedOn });
      expect(ended(NOW - 10_000)).to.equal(null);
      expect(ended(NOW - 9999)).not.to.equal(null);
    });

    it('is judged by that of its queue where it has none', () => {
      const ended = (finishedOn: number, own = {}) => {
        const hash = { ...succeeded, data: { kwargs: {}, ...own }, finishedOn };
        return recordOf('a', 'default', foundTask('finished', hash, '', '10'), NOW);
      };
      expect(ended(NOW - 10_000)).to.equal(null);
      expect(ended(NOW - 9999)).not.to.equal(null);
      expect(ended(NOW - 10_000, { result_expires: 11 })).not.to.equal(null);
      expect(ended(NOW - 9999, { result_expires: 9 })).to.equal(null);
    });

    it('does not expire before it has ended', () => {
      expect(record('waiting', { data, timestamp: 1 })).not.to.equal(null);
    });
  });

  it('reads tasks of plain BullMQ producers, whatever their data', () => {
    expect(read('waiting', { data: { to: 'x' } })?.kwargs).to.deep.equal({ to: 'x' });
    expect(read('waiting', { data: '7' })?.args).to.deep.equal([7]);
    const odd = { args: [1], eta: 'tomorrow', result_expires: 'soon' };
    expect(read('finished', { ...succeeded, data: odd })).to.deep.include({ args: [1], eta: null });
  });

  it('is the same before and after it is read', () => {
    const body = {
      args: [1],
      kwargs: { b: 2 },
      eta: 9000,
      max_retries: 2,
      tags: ['t'],
      headers: { h: 1 },
    };
    const message = { id: 'id-1', name: 'add', queue: 'default', sentAt: 1000, body };
    expect(read('delayed', { data: body }, '9000')).to.deep.equal(pendingResult(message));
  });

  it('asks for each field once', () => {
    expect(new Set(FIELDS)).to.have.property('size', FIELDS.length);
  });
});
