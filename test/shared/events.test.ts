import { expect } from 'chai';
import { eventsSince } from '../../shared/events.ts';
import { type Place, recordOf, type TaskRecord } from '../../shared/results.ts';
import { foundTask, type StoredHash } from '../support/record.ts';

function record(place: Place, hash: StoredHash = {}): TaskRecord {
  const found = recordOf('id-1', 'default', foundTask(place, hash, '9000'), 10_000);
  if (!found) throw new Error('The record has expired');
  return found;
}

const run = (starts: number) => ({ ats: starts, processedOn: 2000, atm: starts - 1 });
const report = (starts: number, report: number) => ({
  ...run(starts),
  progress: { state: 'PROGRESS', meta: report, start: starts, report },
});
const ended = (starts: number) => ({ ...run(starts), atm: starts, finishedOn: 3000 });

/** A task's life in order: progress, a failed attempt, a success. */
const LIFE: readonly [state: string, id: string, record: TaskRecord][] = [
  ['PENDING', '0-0-0', record('waiting')],
  ['STARTED', '1-1-0', record('active', run(1))],
  ['PROGRESS', '1-2-1', record('active', report(1, 1))],
  ['PROGRESS', '1-2-5', record('active', report(1, 5))],
  ['RETRY', '1-3-0', record('delayed', { ...run(1), atm: 1, failedReason: 'no' })],
  ['STARTED', '2-1-0', record('active', run(2))],
  ['SUCCESS', '2-4-0', record('finished', { ...ended(2), returnvalue: '5' })],
];

describe('the events of a task', () => {
  for (const [state, id, now] of LIFE) {
    it(`begin with how it stands: ${state} as ${id}`, () => {
      const [event, ...more] = eventsSince(now, undefined);
      expect(event).to.deep.include({ id, result: now.result });
      expect(event?.result.state).to.equal(state);
      expect(event?.type).to.equal(state === 'PROGRESS' ? 'progress' : 'state');
      expect(more).to.deep.equal([]);
    });
  }

  it('have ids that grow with the story: nothing twice, nothing backwards', () => {
    for (const [i, [, , now]] of LIFE.entries()) {
      for (const [j, [, last]] of LIFE.entries()) {
        const news = eventsSince(now, last);
        expect(news.length > 0, `${LIFE[i]?.[1]} after ${last}`).to.equal(i > j);
      }
    }
  });

  it('tell a start that was too short to be seen', () => {
    const success = record('finished', { ...ended(1), returnvalue: '5' });
    const events = eventsSince(success, '0-0-0');
    expect(events.map(({ id }) => id)).to.deep.equal(['1-1-0', '1-4-0']);
    expect(events[0]?.result).to.include({ state: 'STARTED', ready: false, date_done: null });
    expect(events[0]?.result).to.include({ result: null, error: null, successful: false });
    expect(events[1]?.result).to.include({ state: 'SUCCESS', result: 5 });
  });

  it('tell the start of the last attempt only when several were missed', () => {
    const failure = record('finished', { ...ended(3), failedReason: 'no' });
    expect(eventsSince(failure, '0-0-0').map(({ id }) => id)).to.deep.equal(['3-1-0', '3-4-0']);
  });

  it('do not tell a start again that was seen', () => {
    const success = record('finished', { ...ended(1), returnvalue: '5' });
    for (const last of ['1-1-0', '1-2-7']) {
      expect(
        eventsSince(success, last).map(({ id }) => id),
        last,
      ).to.deep.equal(['1-4-0']);
    }
  });

  it('go on where the last one was, in any process', () => {
    expect(eventsSince(record('active', report(1, 5)), '1-2-4').map(({ id }) => id)).to.deep.equal([
      '1-2-5',
    ]);
    expect(eventsSince(record('active', report(1, 5)), '1-2-5')).to.deep.equal([]);
  });

  it('go on after an operator had it run again', () => {
    const again = record('active', { ...run(3), atm: 0 });
    expect(eventsSince(again, '2-4-0').map(({ id }) => id)).to.deep.equal(['3-1-0']);
  });

  for (const garbage of [
    '',
    'x',
    '1-2',
    '1-2-3-4',
    '-1-0-0',
    '1-22-3',
    '1e3-1-0',
    `${10 ** 10}-1-0`,
  ]) {
    it(`begin anew after "${garbage}", which is no id of ours`, () => {
      expect(eventsSince(record('waiting'), garbage).map(({ id }) => id)).to.deep.equal(['0-0-0']);
    });
  }
});
