import { expect } from 'chai';
import { DefinitionError } from '../../shared/errors.ts';
import { hasMiddleware, type Middleware, throughMiddleware, use } from '../../shared/middleware.ts';
import type { TaskContext } from '../../shared/task.ts';
import { defer } from '../support/defer.ts';

// Middleware hands it on and looks at what it likes.
const ctx = { id: 't', name: 'add' } as TaskContext;

function using(...all: Middleware[]): void {
  for (const each of all) defer(use(each));
}

const run = (work: () => unknown = () => 1) => throughMiddleware(ctx, async () => work());
const failed = (promise: Promise<unknown>) => promise.then(() => 'no error', String);

describe('middleware', () => {
  it('is none at first: the work is done as it is', async () => {
    expect(hasMiddleware()).to.equal(false);
    expect(await run()).to.equal(1);
  });

  it('nests in the order of its use, and sees the context and the result', async () => {
    const seen: unknown[] = [];
    const named = (name: string): Middleware => {
      return async ({ id }, next) => {
        seen.push(`${name} in ${id}`);
        const result = await next();
        seen.push(`${name} out ${result}`);
        return result;
      };
    };
    using(named('first'), named('second'));
    expect(hasMiddleware()).to.equal(true);
    expect(await run(() => seen.push('work') && 7)).to.equal(7);
    const expected = ['first in t', 'second in t', 'work', 'second out 7', 'first out 7'];
    expect(seen).to.deep.equal(expected);
  });

  it('may put another result in the place of the task’s, or run no task at all', async () => {
    using(async (_ctx, next) => ({ wrapped: await next() }));
    expect(await run()).to.deep.equal({ wrapped: 1 });
    using(async () => 'cached');
    const work = () => expect.fail('the work was done');
    expect(await run(work)).to.deep.equal({ wrapped: 'cached' });
  });

  it('may throw, before the task or after it, and may catch what the task throws', async () => {
    const boom = () => Promise.reject(new RangeError('boom'));
    using(async (_ctx, next) => next().catch((error) => `caught ${error}`));
    expect(await run(boom)).to.equal('caught RangeError: boom');
    using(async () => Promise.reject(new Error('not today')));
    expect(await run()).to.equal('caught Error: not today');
  });

  it('passes an error of the task on where nobody catches it', async () => {
    using(async (_ctx, next) => next());
    expect(await failed(run(() => Promise.reject(new RangeError('boom'))))).to.match(/RangeError/);
  });

  it('gets a clear error when it calls next() a second time, and the work is done once', async () => {
    let works = 0;
    using(async (_ctx, next) => [await next(), await next()]);
    expect(await failed(run(() => ++works))).to.match(/next\(\) twice: the task runs once/);
    expect(works).to.equal(1);
  });

  it('ends no process when it does not wait for a task that fails', async () => {
    using(async (_ctx, next) => void next());
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    defer(() => process.off('unhandledRejection', note));
    expect(await run(() => Promise.reject(new Error('boom')))).to.equal(undefined);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(unhandled).to.deep.equal([]);
  });

  it('goes when it is taken away, each use for itself, and not from under a run', async () => {
    const twice: Middleware = async (_ctx, next) => 2 * Number(await next());
    const [unuse, unuseAgain] = [use(twice), use(twice)];
    defer(unuseAgain);
    expect(await run()).to.equal(4);
    const underWay = run(() => {
      unuse();
      return 1;
    });
    expect(await underWay).to.equal(4);
    expect(await run()).to.equal(2);
    unuseAgain();
    expect(await run()).to.equal(1);
  });

  it('is shared by two copies of the package', async () => {
    const copy: typeof import('../../shared/middleware.ts') = await import(
      `../../shared/middleware.ts?${Date.now()}`
    );
    expect(copy.use).not.to.equal(use);
    defer(copy.use(async (_ctx, next) => ['copy', await next()]));
    expect(await run()).to.deep.equal(['copy', 1]);
  });

  for (const wrong of [undefined, null, 'name', {}]) {
    it(`may not be ${JSON.stringify(wrong)}`, () => {
      // What JavaScript callers may give.
      expect(() => use(wrong as unknown as Middleware)).to.throw(DefinitionError, /a function/);
    });
  }
});
