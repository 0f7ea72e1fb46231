/** Records of tasks that were marked never to run again: the same in every place on their way out. */
import { expect } from 'chai';
import { errorOf } from '../../shared/failures.ts';
import type { Place } from '../../shared/jobHash.ts';
import { recordOf } from '../../shared/results.ts';
import { foundTask, type StoredHash } from '../support/record.ts';

const REVOKED = 'TaskRevokedError: The task was revoked';
const EXPIRED = 'TaskExpired: The task was not started before it expired';
const LOST = 'WorkerLostError: The worker "w1" was lost';
const STALLED = 'job stalled more than allowable limit';
const iso = (ms: number) => new Date(ms).toISOString();
const recordAt = (place: Place, hash: StoredHash, nowMs = 100_000) =>
  recordOf('id-1', 'default', foundTask(place, hash), nowMs);
const resultAt = (place: Place, hash: StoredHash) => recordAt(place, hash)?.result;

/** Taken out by a worker `w9` at 9000, which files it at 9001. */
const taken = { ats: 1, processedOn: 9000, pb: 'w9' };
const filed = (reason: string) => ({
  ...taken,
  ...{ atm: 1, finishedOn: 9001, failedReason: reason },
  stacktrace: [`UnrecoverableError: ${reason}\n    at x`],
});

describe('a task that was marked while it waited', () => {
  for (const [words, type] of [
    [REVOKED, 'TaskRevokedError'],
    [EXPIRED, 'TaskExpired'],
  ] as const) {
    const deferred = `,5000,,0,${words}`;
    const mark = { defa: words, deferred };
    const stories: readonly [why: string, place: Place, hash: StoredHash][] = [
      ['waits', 'waiting', mark],
      ['is due later', 'delayed', mark],
      ['is being taken out', 'active', { ...mark, ...taken }],
      ['was taken out', 'finished', { ...filed(words), deferred }],
      ['was ended where it was due later', 'finished', { ...filed(words), ats: 0, deferred }],
    ];
    for (const [why, place, hash] of stories) {
      it(`is REVOKED by ${type} all the same when it ${why}`, () => {
        const { starts, result } = recordAt(place, hash) ?? {};
        expect(result).to.include({ state: 'REVOKED', ready: true, failed: false, retries: 0 });
        expect(result).to.include({ date_done: iso(5000), started_at: null });
        expect(result).to.include({ worker: null, runtime: null });
        expect(result?.error).to.include({ type, message: words.slice(type.length + 2) });
        expect(starts).to.equal(0);
      });
    }
  }

  it('keeps the retries, the start and the eta that it had before', () => {
    const data = { kwargs: {}, eta: 7000 };
    const mark = { data, defa: REVOKED, deferred: `,5000,2000,1,${REVOKED}` };
    const failedOnce = { atm: 1, ats: 1, processedOn: 2000, pb: 'w1', failedReason: 'no' };
    const { defa: _, ...rest } = mark;
    const records = [
      recordAt('waiting', { ...failedOnce, ...mark, stacktrace: ['E: no'] }),
      recordAt('active', { ...failedOnce, ...taken, ...mark, ats: 2, stacktrace: ['E: no'] }),
      recordAt('finished', { ...filed(REVOKED), ats: 2, atm: 2, ...rest }),
    ];
    for (const record of records) expect(record).to.deep.equal(records[0]);
    expect(records[0]?.result).to.include({ retries: 1, started_at: iso(2000), runtime: null });
    expect(records[0]?.result.eta).to.equal(iso(7000));
    expect(records[0]?.starts).to.equal(1);
  });

  it('expires by its own lifetime from when it was revoked, wherever it is by then', () => {
    const data = { kwargs: {}, result_expires: 10 };
    const deferred = `,5000,,0,${REVOKED}`;
    const waiting = { defa: REVOKED, deferred, data };
    const over = { ...filed(REVOKED), deferred, data };
    for (const [place, hash] of [
      ['waiting', waiting],
      ['finished', over],
    ] as const) {
      expect(recordAt(place, hash, 14_999)?.result.state).to.equal('REVOKED');
      expect(recordAt(place, hash, 15_000)).to.equal(null);
    }
  });

  it('stays REVOKED when BullMQ counts its worker as lost', () => {
    const deferred = `,5000,2000,3,${REVOKED}, by an operator`;
    for (const [place, hash] of [
      ['waiting', { ats: 3, defa: STALLED, deferred }],
      ['finished', { ...filed(STALLED), ats: 4, deferred }],
    ] as const) {
      const result = resultAt(place, hash);
      expect(result).to.include({ state: 'REVOKED', date_done: iso(5000) });
      expect(result?.error?.message).to.equal('The task was revoked, by an operator');
    }
  });
});

describe('a task that was marked while it ran', () => {
  const run = { ats: 1, processedOn: 2000, pb: 'w1' };
  const deferred = `1,5000,2000,1,${REVOKED}`;
  const mark = { defa: REVOKED, deferred };

  it('runs on, and ends as its run does', () => {
    expect(resultAt('active', { ...run, ...mark })?.state).to.equal('STARTED');
    const done = { ...run, ...mark, atm: 1, finishedOn: 6000 };
    expect(resultAt('finished', { ...done, returnvalue: '5' })).to.include({
      ...{ state: 'SUCCESS', result: 5, date_done: iso(6000), worker: 'w1' },
    });
    const thrown = { failedReason: 'no', stacktrace: ['E: no'] };
    expect(resultAt('finished', { ...done, ...thrown })?.state).to.equal('FAILURE');
  });

  it('is REVOKED as soon as that run is over without an end', () => {
    const back: readonly [why: string, place: Place, hash: StoredHash][] = [
      ['put back, or its worker was lost', 'waiting', run],
      ['to be retried', 'delayed', { ...run, atm: 1 }],
      ['taken by another worker', 'active', { ...taken, ats: 2 }],
    ];
    for (const [why, place, hash] of back) {
      expect(resultAt(place, { ...hash, ...mark }), why).to.include({
        ...{ state: 'REVOKED', date_done: iso(5000), started_at: iso(2000), worker: null },
      });
    }
  });

  it('and ended at once keeps its worker and its times', () => {
    const ended = { ...run, atm: 1, finishedOn: 5000, deferred };
    const why = { failedReason: REVOKED, stacktrace: [REVOKED] };
    const result = resultAt('finished', { ...ended, ...why });
    expect(result).to.include({ state: 'REVOKED', worker: 'w1', started_at: iso(2000) });
    expect(result).to.include({ date_done: iso(5000), runtime: 3, retries: 0 });
    expect(result?.error?.message).to.equal('The task was revoked');
  });
});

describe('a task whose worker is lost', () => {
  const once = { ats: 1, processedOn: 2000, pb: 'w1', defa: LOST, deferred: '1,2000,' };
  const often = { ats: 3, processedOn: 2000, pb: 'w1', defa: STALLED };

  it('is a failure once it is filed, and not before: its worker may come back', () => {
    expect(resultAt('active', once)?.state).to.equal('STARTED');
    const data = { kwargs: {}, expires: 3000 };
    for (const [hash, starts] of [
      [once, 1],
      [often, 3],
      [{ ...once, data }, 1],
    ] as const) {
      const record = recordAt('waiting', hash);
      expect(record?.result).to.include({ state: 'PENDING', ready: false, date_done: null });
      expect(record?.result).to.include({ error: null, worker: null, started_at: null });
      expect(record).to.include({ starts, isOverdue: false });
    }
    const inRetry = resultAt('waiting', { ...once, atm: 1 });
    expect(inRetry).to.include({ state: 'RETRY', ready: false });
  });

  it("is told as nobody's while another worker holds it to file it", () => {
    const held = recordAt('active', { ...once, ...taken, ats: 2 });
    expect(held?.result).to.include({ state: 'PENDING', worker: null, started_at: null });
    expect(held?.starts).to.equal(1);
  });

  it('keeps the start of its run where it may run once only', () => {
    const { starts, result } =
      recordAt('finished', { ...filed(LOST), ats: 2, deferred: once.deferred }) ?? {};
    expect(result).to.include({ state: 'FAILURE', failed: true, worker: null });
    expect(result).to.include({ started_at: iso(2000), date_done: iso(9001), retries: 0 });
    expect(result?.error?.type).to.equal('WorkerLostError');
    expect(starts).to.equal(1);
  });
});

describe('words of a mark in the message of a task', () => {
  it('are words of the task', () => {
    for (const words of [REVOKED, EXPIRED, LOST]) {
      const error = errorOf(`Error: ${words}\n    at x`, words);
      expect(error).to.include({ type: 'Error', message: words });
    }
    const ended = { ats: 1, atm: 1, finishedOn: 5000, failedReason: REVOKED };
    const result = resultAt('finished', { ...ended, stacktrace: [`Error: ${REVOKED}\n    at x`] });
    expect(result?.state).to.equal('FAILURE');
  });

  it('are the mark where BullMQ or nobody has written the traceback', () => {
    for (const traceback of [`UnrecoverableError: ${REVOKED}\n    at x`, REVOKED, '']) {
      expect(errorOf(traceback, REVOKED).type, traceback).to.equal('TaskRevokedError');
    }
  });
});
