import { expect } from 'chai';
import { attemptsOf } from '../../shared/attempts.ts';

const E = (n: number) => `app.HttpError: no ${n}\n    at work (tasks.ts:${n}:1)`;
const STALLED = 'job stalled more than allowable limit';

interface Stored {
  readonly traces?: readonly unknown[];
  readonly reason?: string;
  readonly made?: number;
  readonly isSuccess?: boolean;
}

/** Number and message of each attempt. */
function told({ traces, reason, made, isSuccess = false }: Stored) {
  const hash = {
    stacktrace: traces ? JSON.stringify(traces) : null,
    failedReason: reason ?? null,
    atm: made === undefined ? null : String(made),
  };
  return attemptsOf(hash, isSuccess).map(({ attempt, error }) => `${attempt} ${error.message}`);
}

const CASES: readonly (readonly [why: string, stored: Stored, attempts: string[]])[] = [
  ['has not failed', {}, []],
  ['succeeded at once', { made: 1, isSuccess: true }, []],
  ['failed once', { traces: [E(1)], reason: 'no 1', made: 1 }, ['1 no 1']],
  ['failed twice', { traces: [E(1), E(2)], reason: 'no 2', made: 2 }, ['1 no 1', '2 no 2']],
  [
    'succeeded after two failures',
    { traces: [E(1), E(2)], reason: 'no 2', made: 3, isSuccess: true },
    ['1 no 1', '2 no 2'],
  ],
  [
    'failed more often than is kept',
    { traces: [E(11), E(12)], reason: 'no 12', made: 12 },
    ['11 no 11', '12 no 12'],
  ],
  [
    'failed again after an operator had it run again',
    { traces: [E(1), E(2), E(3)], reason: 'no 3', made: 1 },
    ['1 no 1', '2 no 2', '1 no 3'],
  ],
  ['waits since an operator had it run again', { traces: [E(1), E(2)] }, ['1 no 1', '2 no 2']],
  [
    'has lost its workers',
    { traces: [E(1), `Error: ${STALLED}\n    at x`], reason: STALLED, made: 2 },
    ['1 no 1', '2 The worker that ran this task was lost, three times over'],
  ],
  ['failed in another program', { reason: 'theirs', made: 1 }, ['1 theirs']],
  ['has a traceback of another form', { traces: ['oops', 5, E(2)], made: 2 }, ['1 oops', '2 no 2']],
];

describe('the attempts of a task', () => {
  for (const [why, stored, attempts] of CASES) {
    it(`are ${JSON.stringify(attempts)} when it ${why}`, () => {
      expect(told(stored)).to.deep.equal(attempts);
    });
  }

  it('have type, message and traceback of each error, also of messages with several lines', () => {
    const traceback =
      'app.HttpError: no\n\nmore: of it\n    at work (x.ts:1:1)\nCaused by Error: y';
    const hash = { stacktrace: JSON.stringify([traceback, E(2)]), failedReason: 'no 2', atm: '2' };
    expect(attemptsOf(hash, false)[0]).to.deep.equal({
      attempt: 1,
      error: { type: 'app.HttpError', message: 'no\n\nmore: of it', traceback },
    });
  });
});
