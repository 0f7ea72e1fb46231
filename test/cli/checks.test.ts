import { expect } from 'chai';
import { checkQueues, checkWorkers } from '../../cli/checks.ts';
import type { QueueBody, RegistryEntry } from '../../client/index.ts';
import { specOf } from '../../shared/registry.ts';
import { defineTask } from '../../shared/task.ts';
import { startTestBroker } from '../support/broker.ts';

const queue = (name: string, given: Partial<QueueBody> = {}): QueueBody => ({
  ...{ name, waiting: 0, delayed: 0, active: 0, succeeded: 0, failed: 0 },
  ...{ paused: false, workers: ['w1'] },
  ...given,
});
const task = (name: string, on: string, workers = ['w1']): RegistryEntry => ({
  ...specOf(defineTask(name, { queue: on, run: () => 1 })),
  workers,
});

describe('the doctor on clocks', () => {
  const look = async (clocks: readonly number[]) => {
    const { redis, keys, config } = await startTestBroker();
    for (const [i, clock_ahead_ms] of clocks.entries()) {
      await redis.zadd(keys.workers, i, `w${i}`);
      await redis.set(keys.worker(`w${i}`), JSON.stringify({ id: `w${i}`, clock_ahead_ms }));
    }
    return (await checkWorkers(redis, config)).find(({ check }) => check === 'clocks');
  };

  it('says how far the worst worker is from Redis while all are near it', async () => {
    expect(await look([3, -999, 12])).to.deep.equal({
      check: 'clocks',
      status: 'ok',
      found: 'workers are at most 999 ms from Redis',
    });
  });

  it('names the workers that are a second away or more, with their distance', async () => {
    const finding = await look([3, 1000, -3_600_000]);
    expect(finding).to.include({
      status: 'warn',
      found: 'workers are a second or more from Redis: w1 +1 s, w2 -60 min',
    });
    expect(finding?.advice).to.include('NTP');
  });

  it('says nothing where no worker is alive', async () => {
    expect(await look([])).to.equal(undefined);
  });
});

describe('the doctor on queues', () => {
  it('finds all well when each queue that holds tasks has a worker', () => {
    const queues = [queue('default', { waiting: 7 }), queue('old', { workers: [] })];
    const findings = checkQueues(queues, [task('add', 'default')], new Map());
    expect(findings.map(({ status }) => status)).to.deep.equal(['ok', 'ok']);
    expect(findings[0]?.found).to.equal('2 known, 7 tasks wait');
  });

  it('warns of tasks that wait where no worker is, with queues and counts', () => {
    const left = { workers: [] };
    const queues = [
      queue('default', { waiting: 5 }),
      queue('mail', { waiting: 2, ...left }),
      queue('later', { delayed: 1, ...left }),
    ];
    const [waiting] = checkQueues(queues, [], new Map());
    expect(waiting).to.deep.equal({
      check: 'queues',
      status: 'warn',
      found: 'tasks wait where no worker is: mail (2), later (1)',
      advice: 'start a worker for them: --queues mail,later',
    });
  });

  it('warns of a task on a queue that only workers without it consume: they would park it', () => {
    const queues = [queue('default'), queue('mail', { workers: ['w2'] })];
    const [, routes] = checkQueues(queues, [task('send', 'mail', ['w1'])], new Map());
    expect(routes).to.include({ status: 'warn' });
    expect(routes?.found).to.match(/: send \(queue mail\)$/);
  });

  it('warns of tasks that wait in a paused queue', () => {
    const queues = [queue('default'), queue('mail', { waiting: 2, paused: true })];
    const [waiting] = checkQueues(queues, [], new Map());
    expect(waiting).to.deep.equal({
      check: 'queues',
      status: 'warn',
      found: 'tasks wait in paused queues: mail (2)',
      advice: 'when they may go on: kaje resume mail',
    });
  });

  it('warns of tasks that wait for a worker that has them', () => {
    const tasks = [task('add', 'default'), task('gone', 'default', [])];
    const [, routes] = checkQueues([queue('default')], tasks, new Map([['gone', 3]]));
    expect(routes).to.include({ status: 'warn' });
    expect(routes?.found).to.equal('tasks wait that no worker alive has: gone (3)');
  });

  it('names the tasks that no worker alive has', () => {
    const tasks = [task('add', 'default'), task('gone', 'default', [])];
    const [, routes] = checkQueues([queue('default')], tasks, new Map());
    expect(routes?.found).to.equal(
      '1 served, each by a worker on its queue; no worker alive has gone',
    );
  });

  it('warns of served tasks whose queue nobody consumes, not of those of workers long gone', () => {
    const tasks = [task('send', 'mail'), task('bill', 'mail'), task('gone', 'attic', [])];
    const [, routes] = checkQueues([queue('default')], tasks, new Map());
    expect(routes).to.deep.equal({
      check: 'tasks',
      status: 'warn',
      found: 'no worker that has it consumes the queue of: send (queue mail), bill (queue mail)',
      advice: 'add to --queues (KAJE_QUEUES) of the workers that serve them: mail',
    });
  });
});
