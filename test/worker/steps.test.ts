import { expect } from 'chai';
import { z } from 'zod';
import type { Log } from '../../shared/log.ts';
import { defineTask } from '../../shared/task.ts';
import type { Run } from '../../worker/context.ts';
import { type Outcome, PermanentError } from '../../worker/outcome.ts';
import { checkInput } from '../../worker/steps/checkInput.ts';
import { logEnd } from '../../worker/steps/logEnd.ts';
import { retryFailure } from '../../worker/steps/retryFailure.ts';
import { runTask } from '../../worker/steps/runTask.ts';
import { settle } from '../../worker/steps/settle.ts';
import { testRun } from '../support/run.ts';

const error = { type: 'Error', message: 'no', traceback: 'Error: no\n    at x' };
const failure: Outcome = { kind: 'failure', error };
const task = defineTask('work', {
  retry: { max: 2, delay: 1, jitter: false },
  run: () => 1,
});
const never = () => Promise.reject(new Error('the next step was called'));

/** Stands for the steps below, which settle the outcome. */
const settingOutcome = (run: Run, outcome: Outcome) => async () => Object.assign(run, { outcome });

describe('the step logEnd', () => {
  const table: readonly [outcome: Outcome, level: string, fields: object][] = [
    [{ kind: 'success', json: '5' }, 'info', { state: 'SUCCESS', retries: 1 }],
    [failure, 'error', { state: 'FAILURE', error: 'Error: no', traceback: error.traceback }],
    [{ kind: 'retry', error, delayMs: 1500 }, 'warn', { state: 'RETRY', retry_in: 1.5 }],
  ];
  for (const [outcome, level, fields] of table) {
    it(`writes one line of level ${level} for a ${outcome.kind}`, async () => {
      const { log, lines } = recordingLog();
      const { run } = testRun(task, { retries: 1, log });
      await logEnd(run, settingOutcome(run, outcome));
      expect(lines).to.have.length(1);
      expect(lines[0]?.level).to.equal(level);
      expect(lines[0]?.fields).to.include(fields);
      expect(lines[0]?.fields).to.have.property('runtime').that.is.a('number');
    });
  }

  it('writes one line of level info for a run that rejects its task to have it again', async () => {
    const { log, lines } = recordingLog();
    const { run } = testRun(task, { log });
    await logEnd(run, settingOutcome(run, { kind: 'later', delayMs: 1000, why: 'rejected' }));
    expect(lines.map(({ level }) => level)).to.deep.equal(['info']);
    expect(lines[0]?.fields).to.include({ state: 'PENDING', again_in: 1 });
  });

  it('writes nothing of a run that the worker has given up', async () => {
    const { log, lines } = recordingLog();
    const run = Object.assign(testRun(task, { log }).run, { isReleased: true });
    await logEnd(run, settingOutcome(run, failure));
    expect(lines).to.deep.equal([]);
  });
});

describe('the step retryFailure', () => {
  const table: readonly [why: string, retries: number, thrown: unknown, kind: string][] = [
    ['while retries are left', 0, new Error(), 'retry'],
    ['at the last retry but one', 1, new Error(), 'retry'],
    ['when none is left', 2, new Error(), 'failure'],
    ['of a permanent fault', 0, new PermanentError('ValidationError', ''), 'failure'],
  ];
  for (const [why, retries, thrown, kind] of table) {
    it(`makes a ${kind} of a failure ${why}`, async () => {
      const { run } = testRun(task, { retries });
      await retryFailure(run, async () => void Object.assign(run, { thrown, outcome: failure }));
      expect(run.outcome?.kind).to.equal(kind);
    });
  }

  it('leaves a success alone', async () => {
    const { run } = testRun(task);
    const success: Outcome = { kind: 'success', json: '1' };
    await retryFailure(run, settingOutcome(run, success));
    expect(run.outcome).to.equal(success);
  });
});

describe('the step settle', () => {
  it('makes a success of what was returned', async () => {
    const { run } = testRun(task);
    await settle(run, async () => void Object.assign(run, { value: { a: 1 } }));
    expect(run.outcome).to.deep.equal({ kind: 'success', json: '{"a":1}' });
  });

  it('makes a failure of what was thrown, and keeps it for the retry policy', async () => {
    const { run } = testRun(task);
    const thrown = new TypeError('no');
    await settle(run, () => Promise.reject(thrown));
    expect(run.thrown).to.equal(thrown);
    expect(run.outcome).to.have.property('error').that.include({ type: 'TypeError' });
  });
});

describe('the step checkInput', () => {
  const input = z.object({ a: z.number().default(3) });
  const checked = defineTask('checked', { input, run: () => 1 });

  it('hands the parsed input on', async () => {
    const { run } = testRun(checked);
    let seen: unknown;
    await checkInput(run, async () => {
      seen = run.input;
    });
    expect(seen).to.deep.equal({ a: 3 });
  });

  it('gives a task without schema its kwargs, a copy of them', async () => {
    const kwargs = Object.freeze({ b: 1 });
    const { run } = testRun(task, { message: { body: { args: [7], kwargs } } });
    await checkInput(run, async () => undefined);
    expect(run.input).to.deep.equal({ b: 1 });
    expect(run.input).not.to.equal(kwargs);
    expect(run.ctx.args).to.deep.equal([7]);
  });

  it('goes no further with a wrong input', async () => {
    const { run } = testRun(checked, { message: { body: { kwargs: { a: 'x' } } } });
    const refusal = await checkInput(run, never).catch((reason: unknown) => reason);
    expect(refusal).to.be.instanceOf(PermanentError);
    expect(refusal).to.have.property('name', 'ValidationError');
  });
});

describe('the step runTask', () => {
  it('runs the task with its input and context, and keeps what it returns', async () => {
    const echo = defineTask('echo', { run: (given: object, ctx) => [given, ctx.id] });
    const { run } = testRun(echo);
    run.input = { a: 1 };
    await runTask(run, never);
    expect(run.value).to.deep.equal([{ a: 1 }, 'id-1']);
  });
});

interface Line {
  readonly level: string;
  readonly fields: object;
}

/** The part of a logger that steps use. */
function recordingLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const write = (level: string) => (fields: object) => void lines.push({ level, fields });
  const log = { info: write('info'), warn: write('warn'), error: write('error') };
  return { log: log as unknown as Log, lines };
}
