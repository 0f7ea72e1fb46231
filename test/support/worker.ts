/** Workers under test: in this process for speed, or as real processes that can be killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../shared/config.ts';
import { createRegistry } from '../../shared/registry.ts';
import type { Task } from '../../shared/task.ts';
import type { QueueChoice } from '../../worker/fleet.ts';
import { type RunningWorker, startWorker } from '../../worker/worker.ts';
import { defer } from './defer.ts';
import { silentLog } from './redis.ts';

/** Starts a worker in this process; stopped after the test, without grace. */
export async function startTestWorker(
  config: Config,
  tasks: readonly Task[],
  queues: readonly QueueChoice[] = [{ name: 'default' }],
): Promise<RunningWorker> {
  const registry = createRegistry(tasks.map((task) => [task, 'the test'] as const));
  const worker = await startWorker({ config, registry, queues, log: silentLog() });
  defer(() => worker.stop(AbortSignal.abort()));
  return worker;
}

/** What test/run.ts has made of the sources, with the fixtures. */
const BUILT = new URL('../../dist-test/', import.meta.url);
const MAIN = fileURLToPath(new URL('cli/main.js', BUILT));
/** Task modules for tests with real processes. */
export const FIXTURES = fixture('tasks');

/** The path of a module of test/fixtures, built: processes start sooner with it than with its source. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`test/fixtures/${name}.js`, BUILT));
}

export interface Process {
  readonly child: ChildProcess;
  /** Everything it has written so far. */
  output(): string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Runs `kaje <args>` as a process of its own; killed after the test if it still lives. */
export function runKaje(args: readonly string[], env: NodeJS.ProcessEnv = {}): Process {
  const child = fork(MAIN, args, {
    execArgv: [],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  child.stdout?.on('data', (text) => (output += text));
  child.stderr?.on('data', (text) => (output += text));
  const ended = once(child, 'close').then(([code, signal]) => code ?? signal);
  defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, output: () => output, ended };
}

/** A worker as a process; resolves when it takes tasks. */
export async function runWorkerProcess(
  config: Config,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Process> {
  const worker = runKaje(['worker', '--tasks', FIXTURES, ...args], {
    ...env,
    KAJE_REDIS_URL: config.redisUrl,
    KAJE_PREFIX: config.prefix,
    KAJE_LOG_FORMAT: 'json',
    ...env,
  });
  const failed = worker.ended.then((code) => {
    throw new Error(`The worker ended with ${code}:\n${worker.output()}`);
  });
  failed.catch(() => undefined);
  await Promise.race([once(worker.child, 'message'), failed]);
  return worker;
}
