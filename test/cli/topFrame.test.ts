import { expect } from 'chai';
import { frameOf, shares, spanOf } from '../../cli/topFrame.ts';
import type { Sample } from '../../cli/topSample.ts';
import type { ActiveTask, QueueBody, WorkerStats } from '../../client/index.ts';

const AT = Date.parse('2026-11-22T12:00:00.000Z');

const queue = (name: string, given: Partial<QueueBody> = {}): QueueBody => ({
  name,
  waiting: 0,
  delayed: 0,
  active: 0,
  succeeded: 0,
  failed: 0,
  paused: false,
  workers: ['w1'],
  ...given,
});

function stats(succeeded: number, failed = 0, given: Partial<WorkerStats> = {}): WorkerStats {
  const totals = { fetched: succeeded + failed, succeeded, failed, retried: 0 };
  return {
    pid: 1,
    version: '1',
    uptime: 3700,
    active: 2,
    totals,
    queues: [{ name: 'default', concurrency: 4, active: 2, totals, autoscale: null }],
    memory: { rss_mb: 99.6, heap_used_mb: 20 },
    cpu: { user: 1, system: 1 },
    loop_lag_ms: 7,
    children: {},
    ...given,
  };
}

const task = (id: string, ageMs: number, given: Partial<ActiveTask> = {}): ActiveTask => ({
  task_id: id,
  name: 'add',
  args: [],
  kwargs: {},
  queue: 'default',
  retries: 0,
  started_at: new Date(AT - ageMs).toISOString(),
  run_in: 'main',
  priority: 5,
  worker: 'w1',
  ...given,
});

function sample(given: Partial<Sample> = {}): Sample {
  return {
    at: AT,
    queues: [queue('default')],
    stats: { workers: { w1: stats(100) }, missing: [] },
    active: { workers: { w1: [] } },
    ...given,
  };
}

const WIDE = { columns: 200, rows: 50 };

const textOf = (...args: Parameters<typeof frameOf>) => frameOf(...args).map(({ text }) => text);

describe('the picture of kaje top', () => {
  it('shows queues, workers and tasks, with rates since the look before', () => {
    const now = sample({
      queues: [queue('default', { waiting: 3, active: 2 })],
      stats: { workers: { w1: stats(130, 10, { cpu: { user: 1.5, system: 1.25 } }) }, missing: [] },
      active: { workers: { w1: [task('young', 300), task('old', 65_000, { retries: 1 })] } },
    });
    const before = sample({ at: AT - 2000 });
    const [head = '', ...lines] = textOf(now, before, WIDE);
    expect(head).to.match(/^kaje top {3}\d\d:\d\d:\d\d {3}1 worker {3}2 running {3}3 waiting/);
    expect(head).to.include('20.0 done/s   5.0 failed/s');
    expect(lines).to.deep.equal([
      '',
      'QUEUE    WAITING  DELAYED  RUNNING  SLOTS  DONE/S  FAILED/S',
      'default        3        0        2      4    20.0       5.0',
      '',
      'WORKER  RUNNING  SLOTS  DONE/S  FAILED/S  CPU %  MEMORY  LAG MS  UP',
      'w1            2      4    20.0       5.0     38  100 MB       7  1:01:40',
      '',
      'RUNTIME  TASK  ID     QUEUE    WORKER  RETRIES  IN',
      '1:05     add   old    default  w1            1  main',
      '0.3 s    add   young  default  w1            0  main',
    ]);
  });

  it('has no rates at the first look, nor for who was not there before', () => {
    expect(textOf(sample(), undefined, WIDE)[0]).not.to.include('/s');
    expect(textOf(sample(), undefined, WIDE)[3]).to.match(/ 4 {7}- {9}-$/);
    const before = sample({ at: AT - 1000, stats: { workers: {}, missing: [] } });
    expect(textOf(sample(), before, WIDE)[6]).to.match(/^w1 .* - .* - /);
  });

  it('takes a worker that counts anew for another one of its name', () => {
    const before = sample({ at: AT - 1000, stats: { workers: { w1: stats(900) }, missing: [] } });
    expect(textOf(sample(), before, WIDE)[0]).to.include('0.0 done/s');
  });

  it('marks paused queues, those without a worker, and workers that do not answer', () => {
    const queues = [
      queue('a', { paused: true }),
      queue('b', { waiting: 1, workers: [] }),
      queue('c', { waiting: 5 }),
    ];
    const missing = ['w2'];
    const frame = frameOf(
      sample({ queues, stats: { workers: { w1: stats(1) }, missing } }),
      undefined,
      WIDE,
    );
    const marked = frame.filter(({ style }) => style === 'yellow' || style === 'red');
    expect(marked.map(({ text }) => text.replaceAll(/ +/g, ' '))).to.deep.equal([
      'b 1 0 0 0 - - no worker',
      'a 0 0 0 0 - - paused',
      'w2 does not answer',
    ]);
    expect(frame[3]?.text).to.match(/^c /);
  });

  it('says when no task runs, and leaves out what a worker could not tell', () => {
    const error = { error: 'the answer is too large' };
    const lines = textOf(sample({ active: { workers: { w1: error } } }), undefined, WIDE);
    expect(lines.at(-1)).to.equal('NO TASK RUNS');
    const mute = sample({ stats: { workers: { w1: error }, missing: [] } });
    expect(textOf(mute, undefined, WIDE)[0]).to.include('0 running');
  });

  const many = sample({
    queues: Array.from({ length: 30 }, (_, i) => queue(`queue-${i}`)),
    active: { workers: { w1: Array.from({ length: 300 }, (_, i) => task(`t-${i}`, i * 1000)) } },
  });
  for (const [columns, rows] of [
    [80, 24],
    [200, 60],
    [40, 12],
    [20, 8],
    [10, 3],
    [1, 1],
  ] as const) {
    it(`fits ${columns} columns and ${rows} rows`, () => {
      const lines = textOf(many, undefined, { columns, rows });
      expect(lines).to.have.length.at.most(rows);
      for (const line of lines) expect(line.length).to.be.at.most(columns);
    });
  }

  it('says how much it does not show', () => {
    const lines = textOf(many, undefined, { columns: 80, rows: 24 });
    expect(lines).to.have.length(24);
    expect(lines.filter((line) => line.startsWith('…'))).to.deep.equal(['… 23 more', '… 293 more']);
    expect(textOf(many, undefined, { columns: 80, rows: Number.POSITIVE_INFINITY })).to.have.length(
      1 + 2 + 30 + 2 + 1 + 2 + 300,
    );
  });

  it('lets no name of another program move the cursor', () => {
    const name = 'evil\u001b[2J\n\u009bname';
    const lines = textOf(
      sample({ active: { workers: { w1: [task('a', 0, { name })] } } }),
      undefined,
      WIDE,
    );
    expect(lines.at(-1)).to.include('evil[2Jname');
    expect(lines.join('')).not.to.match(/\p{Cc}/u);
  });
});

describe('the rows of kaje top', () => {
  for (const [wanted, total, got] of [
    [[3, 2, 7], 20, [3, 2, 7]],
    [[3, 2, 7], 7, [2, 2, 3]],
    [[30, 1, 300], 17, [8, 1, 8]],
    [[0, 0, 9], 5, [0, 0, 5]],
    [[5, 5, 5], 0, [0, 0, 0]],
    [[], 5, []],
  ] as const) {
    it(`are shared ${JSON.stringify(got)} where ${JSON.stringify(wanted)} want ${total}`, () => {
      expect(shares(wanted, total)).to.deep.equal(got);
    });
  }
});

describe('a time span', () => {
  for (const [seconds, text] of [
    [0, '0.0 s'],
    [9.94, '9.9 s'],
    [10, '10 s'],
    [59.9, '59 s'],
    [60, '1:00'],
    [605, '10:05'],
    [3599, '59:59'],
    [3600, '1:00:00'],
    [172_799, '47:59:59'],
    [172_800, '2 d'],
  ] as const) {
    it(`of ${seconds} seconds reads "${text}"`, () => {
      expect(spanOf(seconds)).to.equal(text);
    });
  }
});
