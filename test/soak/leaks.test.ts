import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { KINDS, runIn, testPool } from '../support/pool.ts';
import { recorder } from '../support/recorder.ts';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function heapMb(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1024 ** 2;
}

for (const kind of KINDS) {
  describe(`10,000 runs in one pool, kind ${kind}`, () => {
    it('leave no listeners and no memory behind', async () => {
      const { pool } = testPool(kind, { max: 2 });
      const { signal: kill } = new AbortController();
      const { ctx } = recorder();
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => warnings.push(warning);
      process.on('warning', onWarning);
      const runMany = async (count: number) => {
        for (let i = 0; i < count; i += 5) {
          const input = { text: 'x'.repeat(1000) };
          await Promise.all([1, 2, 3, 4, 5].map(() => runIn(pool, 'echo', input, { ctx, kill })));
        }
      };
      await runMany(2000);
      const before = heapMb();
      await runMany(8000);
      // A tenth of what the inputs alone would be, were they kept.
      expect(heapMb() - before).to.be.lessThan(2);
      for (const signal of [kill, ctx.signal]) {
        expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
      }
      process.off('warning', onWarning);
      expect(warnings).to.deep.equal([]);
    });
  });
}
