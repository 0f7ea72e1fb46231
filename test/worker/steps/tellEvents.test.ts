import { expect } from 'chai';
import type { ClusterEvent } from '../../../shared/clusterEvents.ts';
import { defineTask } from '../../../shared/task.ts';
import type { Run } from '../../../worker/context.ts';
import type { Outcome } from '../../../worker/outcome.ts';
import { tellEvents, tellStart } from '../../../worker/steps/tellEvents.ts';
import { schemaProblem } from '../../support/contract.ts';
import { testRun } from '../../support/run.ts';

const task = defineTask('work', { run: () => 1 });
const error = { type: 'RangeError', message: 'no', traceback: 'RangeError: no\n    at x' };
const told = { type: 'RangeError', message: 'no' };

/** A run whose events are collected; told to nobody when `wanted` is false. */
function followedRun({ wanted = true, retries = 0 } = {}) {
  const events: ClusterEvent[] = [];
  const teller = { wanted: () => wanted, tell: (event: ClusterEvent) => void events.push(event) };
  const run: Run = { ...testRun(task, { retries }).run, teller };
  return { run, events };
}

/** Stands for the steps below, which settle the outcome. */
const ending = (run: Run, outcome: Outcome | undefined) => async () =>
  void Object.assign(run, { outcome });

describe('the step tellEvents', () => {
  const table: readonly [outcome: Outcome, event: object][] = [
    [
      { kind: 'success', json: '1' },
      { type: 'task-succeeded', retries: 1 },
    ],
    [
      { kind: 'failure', error },
      { type: 'task-failed', retries: 1, error: told },
    ],
    [
      { kind: 'revoked', error },
      { type: 'task-revoked', retries: 1, error: told },
    ],
    [
      { kind: 'retry', error, delayMs: 0 },
      { type: 'task-retried', retries: 2, error: told },
    ],
  ];
  for (const [outcome, expected] of table) {
    it(`tells that the task was received, and leaves a ${outcome.kind} to be told once it is stored`, async () => {
      const { run, events } = followedRun({ retries: 1 });
      await tellEvents(run, ending(run, outcome));
      const [first] = events;
      const last = run.endEvent;
      const names = { task_id: 'id-1', name: 'work', queue: 'default', worker: 'w1' };
      expect(events).to.have.length(1);
      expect(first).to.include({ type: 'task-received', ...names, retries: 1 });
      expect(last).to.deep.include({ ...names, ...expected });
      expect(last).to.have.property('runtime').that.is.a('number');
      for (const event of [first, last]) {
        expect(schemaProblem('#/components/schemas/ClusterEvent', event)).to.equal(undefined);
      }
    });
  }

  it('says when a retry is due', async () => {
    const { run } = followedRun();
    const before = Date.now();
    await tellEvents(run, ending(run, { kind: 'retry', error, delayMs: 60_000 }));
    const event = run.endEvent;
    const eta = event?.type === 'task-retried' ? Date.parse(event.eta) : 0;
    expect(eta - before).to.be.within(60_000, 70_000);
  });

  it('tells only that it was received of a run that the worker has given up', async () => {
    const { run, events } = followedRun();
    run.isReleased = true;
    await tellEvents(run, ending(run, { kind: 'failure', error }));
    expect(events.map(({ type }) => type)).to.deep.equal(['task-received']);
    expect(run.endEvent).to.equal(undefined);
  });

  it('tells only that it was received of a task that was put back', async () => {
    const { run, events } = followedRun();
    await tellEvents(run, ending(run, undefined));
    expect(events.map(({ type }) => type)).to.deep.equal(['task-received']);
    expect(run.endEvent).to.equal(undefined);
  });

  it('makes no event while nobody follows', async () => {
    const { run } = followedRun({ wanted: false });
    const never = { get: () => expect.fail('an event was made') };
    const blind = { ...run, ctx: Object.create(run.ctx, { id: never, name: never }) };
    await tellEvents(blind, ending(blind, { kind: 'success', json: '1' }));
    expect(blind.endEvent).to.equal(undefined);
    await tellStart(blind, async () => undefined);
  });
});

describe('the step tellStart', () => {
  it('tells that the run begins, before it does', async () => {
    const { run, events } = followedRun({ retries: 3 });
    await tellStart(run, async () => {
      expect(events).to.have.length(1);
    });
    expect(events[0]).to.include({ type: 'task-started', task_id: 'id-1', retries: 3 });
  });
});
