import { expect } from 'chai';
import {
  afterEnd,
  type End,
  inWords,
  type Next,
  processCount,
  processNames,
  type Situation,
} from '../../cli/processes.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { FIXTURES, runKaje, runWorkerProcess } from '../support/worker.ts';

const end = (given: Partial<End>): End => ({
  ...{ code: null, signal: null, isLeaving: false, livedMs: 100 },
  ...given,
});
const failed = end({ code: 1 });
const serving: Situation = { isStopping: false, hasServed: true, failures: 0 };
const stopping = { ...serving, isStopping: true };
const replace = (afterMs: number, failures: number): Next => ({
  kind: 'replace',
  afterMs,
  failures,
});

describe('after the end of a worker process', () => {
  const cases: readonly [title: string, end: End, situation: Situation, next: Next][] = [
    ['another takes its place', failed, serving, replace(200, 1)],
    ['also when it was killed', end({ signal: 'SIGKILL' }), serving, replace(200, 1)],
    ['also when a task ended it with 0', end({ code: 0 }), serving, replace(200, 1)],
    ['each time later', failed, { ...serving, failures: 3 }, replace(1600, 4)],
    ['but within 10 s', failed, { ...serving, failures: 60 }, replace(10_000, 61)],
    [
      'and soon if it had lived for a while',
      end({ code: 1, livedMs: 30_000 }),
      { ...serving, failures: 60 },
      replace(200, 1),
    ],
    [
      'its place stays empty if it was told to stop',
      end({ code: 0, isLeaving: true }),
      serving,
      { kind: 'leave', code: 0 },
    ],
    [
      'its code counts if it failed at that',
      end({ code: 1, isLeaving: true }),
      serving,
      { kind: 'leave', code: 1 },
    ],
    [
      'all is over if none has ever been ready',
      end({ code: 2 }),
      { ...serving, hasServed: false },
      { kind: 'giveUp', code: 2 },
    ],
    [
      'the code says by which signal it was ended',
      end({ signal: 'SIGKILL' }),
      { ...serving, hasServed: false },
      { kind: 'giveUp', code: 137 },
    ],
    ['nobody follows at a stop', end({ code: 0 }), stopping, { kind: 'leave', code: 0 }],
    ['a failed stop counts', failed, stopping, { kind: 'leave', code: 1 }],
    [
      'one that the stop met before it could listen has not failed',
      end({ signal: 'SIGTERM' }),
      { ...stopping, hasServed: false },
      { kind: 'leave', code: 0 },
    ],
    [
      'one that was killed at the stop has',
      end({ signal: 'SIGKILL' }),
      stopping,
      { kind: 'leave', code: 137 },
    ],
  ];
  for (const [title, ended, situation, next] of cases) {
    it(title, () => expect(afterEnd(ended, situation)).to.deep.equal(next));
  }

  it('the log says how it ended', () => {
    expect([failed, end({ signal: 'SIGSEGV' })].map(inWords)).to.deep.equal([
      'exit code 1',
      'SIGSEGV',
    ]);
  });
});

describe('several worker processes', () => {
  it('are as many as the setting says, or as there are cores', () => {
    expect([processCount(3, 8), processCount('auto', 8)]).to.deep.equal([3, 8]);
  });

  it('have the name of the worker with a number, or each its own', () => {
    expect(processNames('x', 2)).to.deep.equal(['x-1', 'x-2']);
    expect(processNames(undefined, 2)).to.deep.equal([undefined, undefined]);
    expect(processNames('', 1)).to.deep.equal([undefined]);
  });

  it('end with the exit code of the first and say it once when none can start', async () => {
    const { redisUrl, prefix } = testConfig();
    const env = { KAJE_REDIS_URL: redisUrl, KAJE_PREFIX: prefix, KAJE_PROCESSES: '3' };
    const { ended, output } = runKaje(['worker', '--tasks', '/nope'], env);
    expect(await ended).to.equal(2);
    expect(output().match(/kaje: --tasks \/nope: no such file/g)).to.have.length(1);
    expect(output()).to.match(/"ended":"exit code 2".*"no worker process could be started"/);
  });

  it('are one, without a supervisor, where one is asked for', async () => {
    const worker = await runWorkerProcess(testConfig(), ['--processes', '1']);
    await eventually(() => worker.output().includes('worker is ready'));
    for (const line of worker.output().trim().split('\n')) {
      expect(JSON.parse(line)).to.include({ pid: worker.child.pid, name: 'worker' });
    }
  });

  it('are not even tried when the command is wrong', async () => {
    const args = ['worker', '--tasks', FIXTURES, '--processes', '2', '--queues', 'mail:0'];
    const { ended, output } = runKaje(args);
    expect(await ended).to.equal(2);
    expect(output()).to.match(/^kaje: Expected --queues [^\n]+\n$/);
  });
});
