/** An AsyncLocalStorage of a task module: tracing, request ids and several ORMs call its `enterWith`. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { use } from '../../shared/middleware.ts';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { defer } from '../support/defer.ts';
import { ids, startLife } from '../support/life.ts';
import { KINDS, runIn, testPool } from '../support/pool.ts';
import { startTestWorker } from '../support/worker.ts';

const tenant = new AsyncLocalStorage<string>();

interface Input {
  readonly set?: string;
}

/** What it finds in the storage, before it puts something there itself. */
function found({ set }: Input): string | null {
  const before = tenant.getStore() ?? null;
  if (set) tenant.enterWith(set);
  return before;
}

const asynchronous = defineTask('asynchronous', {
  async run(input: Input, ctx) {
    const before = found(input);
    await ctx.progress(1);
    ctx.log.info('a line, and the timer that stores it');
    if (input.set) expect(tenant.getStore()).to.equal(input.set);
    return before;
  },
});
const synchronous = defineTask('synchronous', { run: (input: Input) => found(input) });
const retried = defineTask('retried', {
  retry: { max: 1, delay: 0.01 },
  async run(_: object, { retries }: TaskContext) {
    const before = found(retries === 0 ? { set: 'acme' } : {});
    await sleep(1);
    if (retries === 0) throw new Error('once more');
    return before;
  },
});

/** The results of `others` behind a task that has put something into the storage. */
async function resultsBehind(first: string, others: string): Promise<unknown[]> {
  const life = await startLife({ concurrency: 2 });
  await life.send(first, ['first'], { kwargs: { set: 'acme' } });
  const following = ids(59);
  await life.send(others, following);
  await startTestWorker(life.config, [asynchronous, synchronous, retried]);
  const ends = await Promise.all(['first', ...following].map((id) => life.end(id)));
  return ends.map(({ result }) => result);
}

const nothing = (count: number) => Array.from({ length: count }, () => null);

describe('the async context of a run', () => {
  for (const first of ['asynchronous', 'synchronous']) {
    for (const others of ['asynchronous', 'synchronous']) {
      it(`of a task that is ${others} holds nothing of an earlier one that is ${first}`, async () => {
        expect(await resultsBehind(first, others)).to.deep.equal(nothing(60));
      });
    }
  }

  it('holds nothing of the run that is retried, nor of those beside it', async () => {
    expect(await resultsBehind('retried', 'asynchronous')).to.deep.equal(nothing(60));
    expect(await resultsBehind('retried', 'retried')).to.deep.equal(nothing(60));
  });

  it('holds what middleware has put there for this run alone', async () => {
    const before: unknown[] = [];
    defer(
      use(async ({ id }, next) => {
        before.push(tenant.getStore());
        tenant.enterWith(id);
        return next();
      }),
    );
    const results = await resultsBehind('asynchronous', 'synchronous');
    expect(results).to.deep.equal(['first', ...ids(59)]);
    expect(new Set(before)).to.deep.equal(new Set([undefined]));
  });

  for (const kind of KINDS) {
    it(`holds nothing of an earlier run in the same ${kind}`, async () => {
      const { pool } = testPool(kind);
      const results: unknown[] = [];
      for (const set of ['acme', undefined, undefined])
        results.push(await runIn(pool, 'tenant', { set }));
      expect(results).to.deep.equal(nothing(3));
    });
  }
});
