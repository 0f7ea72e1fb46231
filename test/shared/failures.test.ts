import { expect } from 'chai';
import {
  deferredFailureOf,
  errorOf,
  lastError,
  stateOfError,
  tracebacksOf,
} from '../../shared/failures.ts';
import { type JobHash, jobHashOf, type Place } from '../../shared/jobHash.ts';
import { foundTask, type StoredHash } from '../support/record.ts';

const hashOf = (hash: StoredHash): JobHash => jobHashOf(foundTask('waiting', hash)[3]);
const iso = (ms: number) => new Date(ms).toISOString();

const REVOKED = 'TaskRevokedError: The task was revoked';
const LOST = 'WorkerLostError: The worker was lost';

describe('a failure that was decided before a worker could tell of it', () => {
  const table: readonly [why: string, place: Place, hash: StoredHash, type: string | undefined][] =
    [
      ['none of a task without a mark', 'waiting', {}, undefined],
      [
        'that of one that was revoked where it waits',
        'waiting',
        { defa: REVOKED, deferred: '0,5,' },
        'TaskRevokedError',
      ],
      [
        'none of the run during which it was revoked',
        'active',
        { defa: REVOKED, deferred: '2,5,4', ats: 2 },
        undefined,
      ],
      [
        'that of a run that must not be any more',
        'active',
        { defa: REVOKED, deferred: '1,5,4', ats: 2 },
        'TaskRevokedError',
      ],
      [
        'none of a task that runs once only, while it runs',
        'active',
        { defa: LOST, deferred: '1,5,', ats: 1 },
        undefined,
      ],
      [
        'that of one whose worker was lost',
        'waiting',
        { defa: LOST, deferred: '1,5,', ats: 1 },
        'WorkerLostError',
      ],
      [
        'none of a run that has ended by itself',
        'finished',
        { failedReason: 'no', deferred: '1,5,', ats: 1 },
        undefined,
      ],
      [
        'that of one that a worker has filed',
        'finished',
        { failedReason: REVOKED, deferred: '0,5,', ats: 1 },
        'TaskRevokedError',
      ],
      [
        'that of a task that cost three workers their life',
        'waiting',
        { defa: 'job stalled more than allowable limit' },
        'WorkerLostError',
      ],
      ['none for words of other programs', 'waiting', { defa: 'no: idea' }, undefined],
      [
        'none for the reason of a run that failed before',
        'waiting',
        { failedReason: REVOKED },
        undefined,
      ],
    ];
  for (const [why, place, hash, type] of table) {
    it(`is ${why}`, () => {
      expect(deferredFailureOf(place, hashOf(hash))?.error.type).to.equal(type);
    });
  }

  it('has the times of a revocation from its mark', () => {
    const hash = hashOf({
      defa: REVOKED,
      deferred: '1,5000,4000',
      processedOn: 9000,
      finishedOn: 9500,
    });
    const times = { worker: null, started_at: iso(4000), date_done: iso(5000), runtime: null };
    expect(deferredFailureOf('waiting', hash)?.times).to.deep.equal(times);
    const unstarted = hashOf({ defa: REVOKED, deferred: '0,5000,' });
    expect(deferredFailureOf('waiting', unstarted)?.times).to.include({ started_at: null });
  });

  it('has the start of a task that may run once only from its mark', () => {
    const hash = hashOf({ defa: LOST, deferred: '1,5000,', processedOn: 9000, ats: 2 });
    const times = { worker: null, started_at: iso(5000), date_done: null, runtime: null };
    expect(deferredFailureOf('waiting', hash)?.times).to.deep.equal(times);
  });

  it('counts the starts before it', () => {
    const hash = { defa: REVOKED, deferred: '1,5000,4000', ats: 3 };
    expect(deferredFailureOf('waiting', hashOf(hash))?.starts).to.equal(1);
    expect(deferredFailureOf('waiting', hashOf({ defa: REVOKED, ats: 3 }))?.starts).to.equal(3);
  });
});

describe('the error of a record', () => {
  const table: readonly [why: string, traceback: string, message: string, type: string][] = [
    ['by its traceback', 'RangeError: far\n    at x', 'far', 'RangeError'],
    ['by a class with dots and dollars', 'my.$Error: far', 'far', 'my.$Error'],
    ['as Error where it has no traceback', '', 'far', 'Error'],
    ['as Error where the traceback begins otherwise', '(unknown)', 'far', 'Error'],
    ['by its message where it was decided before', 'Error: x', REVOKED, 'TaskRevokedError'],
    ['also over several lines', '', 'WorkerLostError: one\ntwo', 'WorkerLostError'],
  ];
  for (const [why, traceback, message, type] of table) {
    it(`is named ${why}`, () => {
      expect(errorOf(traceback, message).type).to.equal(type);
    });
  }

  it('is that of the last run', () => {
    const stacktrace = ['TypeError: one', 'RangeError: two'];
    expect(lastError(hashOf({ failedReason: 'two', stacktrace }))).to.deep.equal({
      type: 'RangeError',
      message: 'two',
      traceback: 'RangeError: two',
    });
    expect(lastError(hashOf({}))).to.deep.equal({ type: 'Error', message: '', traceback: '' });
  });

  for (const [why, stacktrace] of [
    ['no JSON', '[oops'],
    ['no list', '{"a":1}'],
    ['no texts', '[1,null]'],
    ['nothing', undefined],
  ] as const) {
    it(`has no tracebacks where there is ${why}`, () => {
      const hash = hashOf(stacktrace === undefined ? {} : { stacktrace });
      expect(tracebacksOf(hash)).to.deep.equal([]);
    });
  }

  it('says REVOKED of revocations and of what has expired, FAILURE of all others', () => {
    const stateOf = (type: string) => stateOfError({ type, message: '', traceback: '' });
    const types = ['TaskRevokedError', 'TaskExpired', 'WorkerLostError', 'Error', 'Reject'];
    const states = ['REVOKED', 'REVOKED', 'FAILURE', 'FAILURE', 'FAILURE'];
    expect(types.map(stateOf)).to.deep.equal(states);
  });
});
