/** A copy of the tree with a Redis of its own, where a source is changed and the tests run. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { findOrMakeRedis } from '../../cli/localRedis.ts';

export interface Sandbox {
  readonly dir: string;
  test(tests: readonly string[], limitMs: number): Promise<TestRun>;
  /** Builds what tests start as processes; false where it does not compile. */
  build(): Promise<boolean>;
  /** Whether `npm run check` would let it pass: types. */
  checks(): Promise<boolean>;
  /** Changes a file as long as `during` runs. */
  change<T>(file: string, text: string, during: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface TestRun {
  /** 'time': they did not end within the limit. */
  readonly end: 'passed' | 'failed' | 'time';
  /** The file that failed first, where that is known. */
  readonly failed: string | undefined;
}

const NODE_MODULES = 'node_modules';
const REPORT = 'mutant-report.json';
const MOCHA = [
  join(NODE_MODULES, 'mocha/bin/mocha.js'),
  ...['--bail', '--exit', '--reporter', 'json', '--reporter-option', `output=${REPORT}`],
];
/** Most tests wait most of the time; one after another those of a folder took longer than any limit. */
const PARALLEL = ['--parallel', '--jobs', '4'];
const STEP_MS = 120_000;

export async function openSandbox(root: string): Promise<Sandbox> {
  const dir = mkdtempSync(join(tmpdir(), 'kaje-mutants-'));
  for (const file of filesOf(root)) cpSync(join(root, file), join(dir, file));
  symlinkSync(resolve(root, NODE_MODULES), join(dir, NODE_MODULES));
  const home = resolve(root, process.env.KAJE_HOME ?? '.kaje');
  const redis = await findOrMakeRedis({ home, persistent: false, log: () => undefined });
  const env = { ...process.env, KAJE_TEST_REDIS_URL: redis.url, KAJE_HOME: home };
  const node = (args: readonly string[], limitMs: number) => run(args, { cwd: dir, env, limitMs });
  return {
    dir,
    async test(tests, limitMs) {
      // What the last change has left behind is no business of the next.
      await flush(redis.url);
      rmSync(join(dir, REPORT), { force: true });
      const together = tests.length > 1 ? PARALLEL : [];
      const passed = await node([...MOCHA, ...together, ...tests], limitMs);
      if (passed === undefined) return { end: 'time', failed: undefined };
      return { end: passed ? 'passed' : 'failed', failed: passed ? undefined : failedIn(dir) };
    },
    build: async () =>
      (await node(['scripts/build.mjs', 'dist-test', 'tsconfig.test.json'], STEP_MS)) === true,
    checks: async () =>
      (await node([join(NODE_MODULES, 'typescript/bin/tsc'), '-p', 'tsconfig.json'], STEP_MS)) ===
      true,
    async change(file, text, during) {
      const path = join(dir, file);
      const original = readFileSync(path);
      writeFileSync(path, text);
      return during().finally(() => writeFileSync(path, original));
    },
    async close() {
      await redis.stop();
      // At an end by a signal a process that dies just now may still write into it.
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

function failedIn(dir: string): string | undefined {
  try {
    const { failures } = JSON.parse(readFileSync(join(dir, REPORT), 'utf8'));
    const file: unknown = failures[0]?.file;
    return typeof file === 'string' ? relative(dir, file) : undefined;
  } catch {
    return undefined; // It ended without a report.
  }
}

/** What git knows or would add, as it is now. */
function filesOf(root: string): string[] {
  const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
  const listed = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0');
  const deleted = execFileSync('git', ['ls-files', '--deleted', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  const gone = new Set(deleted.split('\0'));
  return listed.filter((file) => file && !gone.has(file));
}

async function flush(url: string): Promise<void> {
  const redis = new Redis(url);
  await redis.flushall().finally(() => redis.disconnect());
}

interface RunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limitMs: number;
}

async function run(args: readonly string[], options: RunOptions): Promise<boolean | undefined> {
  const { limitMs, ...place } = options;
  // A group of its own: tests start processes, and all of them end with it.
  const child = spawn(process.execPath, args, { ...place, stdio: 'ignore', detached: true });
  running.add(child);
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    killGroup(child);
  }, limitMs);
  const [code] = await once(child, 'exit');
  clearTimeout(limit);
  killGroup(child);
  running.delete(child);
  return isLate ? undefined : code === 0;
}

const running = new Set<ChildProcess>();

/** For the end by a signal. */
export function killAll(): void {
  for (const child of running) killGroup(child);
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of it is left.
  }
}
