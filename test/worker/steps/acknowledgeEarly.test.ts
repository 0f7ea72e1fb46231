import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import type { Outcome } from '../../../worker/outcome.ts';
import { acknowledgeEarly } from '../../../worker/steps/acknowledgeEarly.ts';
import { testRun } from '../../support/run.ts';

const once = defineTask('once', { acksLate: false, run: () => 1 });
const error = { type: 'Error', message: 'no', traceback: 'Error: no' };

const outcomes: readonly Outcome[] = [
  { kind: 'success', json: '1' },
  { kind: 'failure', error },
  { kind: 'revoked', error },
  { kind: 'retry', error, delayMs: 1 },
  { kind: 'later', delayMs: 1, why: 'rejected' },
];

describe('the step acknowledgeEarly', () => {
  const markedBy = async (outcome: Outcome, before: Record<string, string> = {}) => {
    const { run } = testRun(once);
    const { redis } = run.tools;
    await redis.hset(run.job, { name: 'once', ...before });
    let during: (string | null)[] = [];
    await acknowledgeEarly(run, async () => {
      await run.acknowledge?.();
      during = await redis.hmget(run.job, 'defa', 'deferred');
      run.outcome = outcome;
    });
    return { during, after: await redis.hmget(run.job, 'defa', 'deferred') };
  };

  for (const outcome of outcomes) {
    // What has ended, BullMQ takes the mark from.
    const stays = outcome.kind !== 'retry' && outcome.kind !== 'later';
    it(`marks the task while it runs, and ${stays ? 'leaves' : 'takes'} the mark at a ${outcome.kind}`, async () => {
      const { during, after } = await markedBy(outcome);
      expect(during[0]).to.match(/^WorkerLostError: The worker "w1" was lost/);
      expect(during[1]).to.match(/^1,\d+,/);
      expect(after).to.deep.equal(stays ? during : [null, null]);
    });

    it(`leaves the mark of one that was revoked just before, at a ${outcome.kind}`, async () => {
      const before = { defa: 'TaskRevokedError: The task was revoked', deferred: '1,5,4' };
      const { during, after } = await markedBy(outcome, before);
      expect(during).to.deep.equal([before.defa, before.deferred]);
      expect(after).to.deep.equal(during);
    });
  }

  it('leaves the mark of a run that was given up: it may be that of the next one', async () => {
    const { run } = testRun(once);
    const { redis } = run.tools;
    await redis.hset(run.job, { name: 'once' });
    await acknowledgeEarly(run, async () => {
      await run.acknowledge?.();
      run.outcome = { kind: 'later', delayMs: 1, why: 'rejected' };
      run.isReleased = true;
    });
    expect(await redis.hget(run.job, 'defa')).to.match(/^WorkerLostError/);
  });

  it('marks nothing before the work begins', async () => {
    const { run } = testRun(once);
    const { redis } = run.tools;
    await redis.hset(run.job, { name: 'once' });
    await acknowledgeEarly(run, async () => undefined);
    expect(await redis.hget(run.job, 'defa')).to.equal(null);
  });

  it('passes on what Redis refuses, whatever outcome the other steps have made of it', async () => {
    const { run } = testRun(once);
    // No hash: the script that marks it fails.
    await run.tools.redis.set(run.job, 'spoilt');
    const ended = acknowledgeEarly(run, async () => {
      await run.acknowledge?.().catch(() => undefined);
      run.outcome = { kind: 'failure', error };
    });
    const thrown = await ended.then(
      () => 'nothing',
      (why) => String(why),
    );
    expect(thrown).to.contain('WRONGTYPE');
  });

  it('marks no task that may run again', async () => {
    const { run } = testRun(defineTask('often', { run: () => 1 }));
    await acknowledgeEarly(run, async () => {
      await run.acknowledge?.();
      expect(await run.tools.redis.exists(run.job)).to.equal(0);
    });
  });
});
