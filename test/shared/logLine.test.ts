import { expect } from 'chai';
import { logLine } from '../../shared/logLine.ts';

const same = (text: string) => text;
const PLAIN = { green: same, yellow: same, red: same, cyan: same, dim: same };
const PROCESS = { level: 30, time: 1, pid: 2, hostname: 'h', name: 'worker' };
const TASK = { task: 'add', task_id: 'a-1' };

const LINES: readonly (readonly [title: string, entry: object, line: string])[] = [
  [
    'a task that succeeded',
    { ...TASK, state: 'SUCCESS', runtime: 0.002, retries: 0, msg: 'task succeeded' },
    'add a-1 SUCCESS in 0.002 s',
  ],
  [
    'a task that will be retried',
    { ...TASK, state: 'RETRY', runtime: 0.1, retries: 1, retry_in: 2, error: 'E: no', msg: 'x' },
    'add a-1 RETRY in 0.1 s retries=1 retry_in=2 error="E: no"',
  ],
  [
    'a task that failed, with the frames of its traceback below',
    {
      ...TASK,
      state: 'FAILURE',
      runtime: 0,
      retries: 0,
      error: 'E',
      traceback: 'E: a\nb\n    at c',
    },
    'add a-1 FAILURE in 0 s error=E\n    at c',
  ],
  [
    'a task that was put back',
    { ...TASK, state: 'PENDING', msg: 'task was put back' },
    'add a-1 PENDING task was put back',
  ],
  ['what a task says', { ...TASK, msg: 'half way', rows: 5 }, 'add a-1 half way rows=5'],
  [
    'a request',
    { request_id: 'r', method: 'GET', path: '/x', status: 200, ms: 1.5, msg: 'request' },
    'GET /x 200 in 1.5 ms',
  ],
  [
    'a request that failed, with its id',
    { request_id: 'r', method: 'GET', path: '/x', status: 500, ms: 1, msg: 'request failed' },
    'GET /x 500 in 1 ms request failed request_id=r',
  ],
  ['anything else', { msg: 'ready', queues: 'a, b', n: [1] }, 'ready queues="a, b" n=[1]'],
  [
    'the causes of a failure with its frames',
    { msg: 'oh', traceback: 'E: m\nin two lines\n    at f\nCaused by E: n\n[1 of 1] E: o' },
    'oh\n    at f\n    Caused by E: n\n    [1 of 1] E: o',
  ],
  [
    'an error with its stack',
    { msg: 'oh', err: { stack: 'E: m\n    at f' } },
    'oh\n    E: m\n    at f',
  ],
];

describe('a log line for people', () => {
  for (const [title, entry, line] of LINES) {
    it(`tells ${title}`, () => {
      expect(logLine({ ...PROCESS, ...entry }, PLAIN)).to.equal(line);
    });
  }

  it('paints the state', () => {
    const green = (text: string) => `<${text}>`;
    const entry = { ...TASK, state: 'SUCCESS', runtime: 1 };
    expect(logLine(entry, { ...PLAIN, green })).to.equal('add a-1 <SUCCESS> in 1 s');
  });
});
