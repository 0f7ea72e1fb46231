import { expect } from 'chai';
import { eventsSince, storySince } from '../../shared/events.ts';
import type { Place } from '../../shared/jobHash.ts';
import { recordOf, type TaskRecord } from '../../shared/results.ts';
import type { TaskLogLine, TaskLogsBody } from '../../shared/schemas.ts';
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
    '1-2-3-4-5',
    '1-2-3-',
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

const line = (number: number): TaskLogLine => {
  const at = '2026-11-22T10:00:00.000Z';
  return { number, at, level: 'info', message: `line ${number}`, fields: {}, attempt: 1 };
};

/** A log of so many lines, of which the last three are kept; `asked` collects what is read. */
function logOf(total: number) {
  const asked: number[] = [];
  const read = async (after: number): Promise<TaskLogsBody> => {
    asked.push(after);
    const all = Array.from({ length: total }, (_, i) => line(i + 1));
    return { logs: all.slice(Math.max(after, total - 3)), total };
  };
  return { asked, read };
}

async function story(now: TaskRecord, lastId: string | undefined, logs = now.logs) {
  const { asked, read } = logOf(logs);
  const events = await storySince(now, lastId, read);
  const told = events.map((event) => {
    return event.type === 'log' ? `${event.id} ${event.line.message}` : `${event.id} ${event.type}`;
  });
  return { told, asked };
}

describe('the story of a task that writes', () => {
  const running = (logs: number) => record('active', { ...run(1), logs });
  const done = (logs: number) => record('finished', { ...ended(1), returnvalue: '5', logs });

  const STORIES: readonly [
    why: string,
    now: TaskRecord,
    last: string | undefined,
    told: string[],
  ][] = [
    [
      'is told from the start',
      running(2),
      undefined,
      ['1-1-0 state', '1-1-0-1 line 1', '1-1-0-2 line 2'],
    ],
    ['goes on behind the lines told', running(2), '1-1-0-1', ['1-1-0-2 line 2']],
    ['goes on behind an id without lines', running(1), '1-1-0', ['1-1-0-1 line 1']],
    [
      'skips lines that are kept no more',
      running(9),
      '1-1-0-2',
      ['1-1-0-7 line 7', '1-1-0-8 line 8', '1-1-0-9 line 9'],
    ],
    ['has nothing to tell twice', running(2), '1-1-0-2', []],
    ['has its lines before its end', done(1), '1-1-0', ['1-1-0-1 line 1', '1-4-0-1 state']],
    [
      'has a missed start before its lines',
      done(1),
      '0-0-0',
      ['1-1-0 state', '1-1-0-1 line 1', '1-4-0-1 state'],
    ],
    [
      'is told whole of a task that has ended',
      done(1),
      undefined,
      ['1-1-0-1 line 1', '1-4-0-1 state'],
    ],
    ['keeps the lines told in the ids of later states', done(2), '1-1-0-2', ['1-4-0-2 state']],
    ['is over behind its end', done(2), '1-4-0-2', []],
  ];
  for (const [why, now, last, told] of STORIES) {
    it(why, async () => {
      expect((await story(now, last)).told).to.deep.equal(told);
    });
  }

  it('reads no lines where the record tells of no new ones', async () => {
    expect((await story(running(0), undefined)).asked).to.deep.equal([]);
    expect((await story(running(2), '1-1-0-2')).asked).to.deep.equal([]);
    expect((await story(running(3), '1-1-0-2')).asked).to.deep.equal([2]);
  });

  it('has ids that lead to every line and state once, wherever it was cut', async () => {
    const whole = (await story(done(3), '0-0-0')).told;
    for (const [i, cut] of whole.entries()) {
      const [id] = cut.split(' ');
      expect((await story(done(3), id)).told, cut).to.deep.equal(whole.slice(i + 1));
    }
  });
});
