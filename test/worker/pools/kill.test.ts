import { expect } from 'chai';
import { TimeLimitExceeded } from '../../../shared/taskErrors.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf, isAlive, KINDS, runIn, testPool } from '../../support/pool.ts';
import { recorder } from '../../support/recorder.ts';

for (const kind of KINDS) {
  describe(`the kill of a run, kind ${kind}`, () => {
    for (const [task, state] of [
      ['spin', 'SPINNING'],
      ['hold', 'HOLDING'],
    ] as const) {
      it(`ends it at once, ${task}, and its child; the next task runs in the spare one`, async () => {
        const { pool } = testPool(kind, { max: 2 });
        await runIn(pool, 'who');
        const { ctx, meta } = recorder();
        const kill = new AbortController();
        const running = runIn(pool, task, {}, { ctx, kill: kill.signal });
        const pid = Number(await eventually(() => meta(state)));
        const other = runIn(pool, 'who', { ms: 300 });
        await eventually(() => pool.busy === 2);
        const reason = new TimeLimitExceeded(1);
        kill.abort(reason);
        // In this turn of the event loop: the run does not wait for the end of its child.
        expect([pool.busy, pool.children]).to.deep.equal([1, 2]);
        expect(await failureOf(running)).to.equal(reason);
        expect(await runIn(pool, 'echo', { next: 1 })).to.deep.equal({ next: 1 });
        expect(await other).to.have.property('run');
        if (kind === 'process') await eventually(() => !isAlive(pid));
      });
    }

    it('does not even begin a run that was killed before', async () => {
      const { pool } = testPool(kind);
      const reason = new Error('revoked');
      const running = runIn(pool, 'who', {}, { kill: AbortSignal.abort(reason) });
      expect(await failureOf(running)).to.equal(reason);
      expect(pool.children).to.equal(0);
    });
  });
}
