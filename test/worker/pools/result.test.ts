import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import { execute } from '../../../worker/execute.ts';
import { KINDS, runIn, sharedPool } from '../../support/pool.ts';
import { testRun } from '../../support/run.ts';

/** What becomes of a value that a task returns on the worker's own loop. */
async function outcomeOf(value: unknown, ignoreResult = false) {
  const task = defineTask('give', { ignoreResult, run: () => value });
  return execute(testRun(task, { resultMaxBytes: 4000 }).run);
}

const WHATS = ['nothing', 'null', 'date', 'function', 'symbol', 'gone', 'bigint', 'circle'];

describe('the result of a task', () => {
  for (const kind of KINDS) {
    describe(`that ran in a ${kind}`, () => {
      const pool = sharedPool(kind);

      for (const what of WHATS) {
        it(`is stored or refused as that of one on the main loop: ${what}`, async () => {
          const { returned } = await import('../../fixtures/isolated.ts');
          const [there, here] = await Promise.all([
            outcomeOf(await runIn(pool(), 'give', { what })),
            outcomeOf(returned[what]?.()),
          ]);
          const asJson = (outcome: object) => JSON.parse(JSON.stringify(outcome));
          expect(asJson(there)).to.deep.equal(asJson(here));
        });
      }

      it('does not come over when it is too large', async () => {
        const value = await runIn(pool(), 'give', { what: 'large' }, { resultMaxBytes: 4000 });
        expect(await outcomeOf(value)).to.have.nested.property(
          'error.message',
          'The result cannot be written as JSON: Expected a result of at most 4000 bytes of JSON, ' +
            'got 5002: store it elsewhere and return where',
        );
        expect(await outcomeOf(value, true)).to.deep.equal({ kind: 'success', json: 'null' });
        expect(await runIn(pool(), 'give', { what: 'large' })).to.have.length(5000);
      });
    });
  }
});
