/** Code of the user's own around every run of every task: `use()` in a task module. */
import { DefinitionError } from './errors.ts';
import type { TaskContext } from './task.ts';

/**
 * Runs around a task. What `next()` resolves with is the task's result; what it returns itself is
 * stored instead. What it throws, the run fails with.
 */
export type Middleware = (ctx: TaskContext, next: () => Promise<unknown>) => Promise<unknown>;

/** One call of `use()`: the same function may be used twice. */
interface Used {
  readonly middleware: Middleware;
}

// A global symbol, so that two copies of the package know each other's middleware.
const MIDDLEWARE = Symbol.for('kaje.middleware');

const store: object & { [MIDDLEWARE]?: readonly Used[] } = globalThis;

/**
 * Puts a middleware around every task of the workers that import this module, inside those that
 * were used before it. The function it returns takes it away again.
 * @throws DefinitionError when it is no function
 */
export function use(middleware: Middleware): () => void {
  if (typeof middleware !== 'function') {
    const expected = 'Expected use() to get a function (ctx, next) => result';
    throw new DefinitionError(
      `${expected}, got ${middleware === null ? 'null' : typeof middleware}`,
    );
  }
  const used: Used = { middleware };
  // Runs that are under way keep the list that they have begun with.
  store[MIDDLEWARE] = [...usedSoFar(), used];
  return () => {
    store[MIDDLEWARE] = usedSoFar().filter((each) => each !== used);
  };
}

/** Whether there is any. */
export function hasMiddleware(): boolean {
  return usedSoFar().length > 0;
}

/** What the outermost middleware makes of a piece of work; without any, the work itself. */
export function throughMiddleware(
  ctx: TaskContext,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const inner = (next: () => Promise<unknown>, { middleware }: Used) => {
    return async () => middleware(ctx, once(next));
  };
  return usedSoFar().reduceRight(inner, work)();
}

/** A task must not run twice in one run; and one that nobody waits for must not end the worker. */
function once(next: () => Promise<unknown>): () => Promise<unknown> {
  let isCalled = false;
  const call = async (): Promise<unknown> => {
    if (isCalled) throw new Error('A middleware called next() twice: the task runs once in a run');
    isCalled = true;
    return next();
  };
  return () => {
    const result = call();
    result.catch(() => undefined);
    return result;
  };
}

function usedSoFar(): readonly Used[] {
  return store[MIDDLEWARE] ?? [];
}
