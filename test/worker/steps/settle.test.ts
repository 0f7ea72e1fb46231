import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import { retryFailure } from '../../../worker/steps/retryFailure.ts';
import { settle } from '../../../worker/steps/settle.ts';
import { startLife } from '../../support/life.ts';
import { testRun } from '../../support/run.ts';
import { UNREADABLE } from '../../support/unreadable.ts';
import { startTestWorker } from '../../support/worker.ts';

const task = defineTask('work', { run: () => 1 });

describe('the step settle', () => {
  it('says why a run was aborted, where its task throws what Node throws then', async () => {
    const { run } = testRun(task);
    run.abort.abort(new RangeError('too long'));
    await settle(run, () => Promise.reject(new DOMException('aborted', 'AbortError')));
    expect(run.outcome).to.have.property('error').that.include({ type: 'RangeError' });
  });

  for (const [why, thrown] of UNREADABLE) {
    it(`makes a failure, or a retry, of an error that ${why}`, async () => {
      const retried = defineTask('work', { retry: { max: 1 }, run: () => 1 });
      for (const [each, kind] of [
        [task, 'failure'],
        [retried, 'retry'],
      ] as const) {
        const { run } = testRun(each);
        run.abort.abort(new Error('enough'));
        await retryFailure(run, () => settle(run, () => Promise.reject(thrown)));
        expect(run.outcome?.kind).to.equal(kind);
        expect(run.outcome)
          .to.have.nested.property('error.message')
          .that.match(/^An error that cannot be read: /);
      }
    });
  }
});

describe('a task whose error cannot be read', () => {
  it('is a FAILURE after its one run', async () => {
    const life = await startLife();
    let runs = 0;
    const odd = defineTask('odd', {
      run() {
        runs++;
        throw UNREADABLE[0]?.[1];
      },
    });
    await startTestWorker(life.config, [odd]);
    await life.send('odd', ['a']);
    const { state, error } = await life.end('a');
    expect(state).to.equal('FAILURE');
    expect(error?.message).to.equal('An error that cannot be read: Error: no message');
    expect(runs).to.equal(1);
  });
});
