/** Pools of threads and processes under test. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TaskContext } from '../../shared/task.ts';
import { createPool, type Pool, type PoolOptions } from '../../worker/pools/pool.ts';
import { defer } from './defer.ts';
import { collectLog } from './log.ts';
import { recorder } from './recorder.ts';

export const KINDS = ['thread', 'process'] as const;
export type Kind = (typeof KINDS)[number];

/** Tasks for children. */
export const ISOLATED = fileURLToPath(new URL('../fixtures/isolated.ts', import.meta.url));

/** A pool, of one child unless more are asked for, and the lines of its own log. */
export function openPool(kind: Kind, options: Partial<PoolOptions> = {}) {
  const { log, lines } = collectLog();
  const pool = createPool({
    kind,
    max: 1,
    maxTasksPerChild: 0,
    maxMemoryPerChild: 0,
    modules: [ISOLATED],
    log,
    ...options,
  });
  return { pool, lines };
}

/** A pool for one test: stopped after it. */
export function testPool(kind: Kind, options: Partial<PoolOptions> = {}) {
  const made = openPool(kind, options);
  defer(() => made.pool.stop());
  return made;
}

/** A pool for all tests of a block, for a child takes a while to start. */
export function sharedPool(kind: Kind): () => Pool {
  let pool: Pool;
  before(() => {
    pool = openPool(kind).pool;
    pool.start();
  });
  after(() => pool.stop());
  return () => pool;
}

const NEVER = new AbortController().signal;

interface RunOptions {
  readonly ctx?: TaskContext;
  readonly kill?: AbortSignal;
  readonly resultMaxBytes?: number;
  prepare?(): Promise<unknown>;
  started?(): void;
}

/** Runs a task in a pool. */
export function runIn(
  pool: Pool,
  name: string,
  input: object = {},
  { ctx = recorder().ctx, kill = NEVER, ...more }: RunOptions = {},
  // any: each task returns something else, and tests fail by themselves where it is not that.
): Promise<any> {
  return pool.run({ name, input, ctx, kill, ...more });
}

/** What a promise rejects with. */
// any: tests look at fields of errors of their own.
export async function failureOf(promise: Promise<unknown>): Promise<any> {
  const ended = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in ended) return ended.error;
  throw new Error(`Expected a failure, got ${JSON.stringify(ended.value)}`);
}

/** Whether a process runs. One that has ended but was not yet asked how (a zombie) does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(
      existsSync('/proc') ? readFileSync(`/proc/${pid}/status`, 'utf8') : '',
    );
  } catch {
    return false;
  }
}
