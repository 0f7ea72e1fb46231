/** Runs test files in phases, knows what became of each file, and runs what failed once more. */
import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Told } from './reporter.ts';

const MOCHA = 'node_modules/mocha/bin/mocha.js';
const REPORTER = './test/support/reporter.ts';
/** The longest file takes 5 minutes on an idle machine; one that says nothing for so long will never end. */
export const SILENCE_MS = 900_000;
/** Where more files fail, none of them is unsteady: something is broken for all. */
const AGAIN_MAX = 20;
const LOOK_MS = 500;

export interface Phase {
  readonly files: readonly string[];
  /** How many files at a time. Default: one after another, in one process. */
  readonly jobs?: number;
}

export interface MochaOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** Ends mocha as Ctrl-C does. */
  readonly signal: AbortSignal;
}

export interface PhaseOptions extends MochaOptions {
  /** For mocha, in each phase. */
  readonly args: readonly string[];
  /** Whether a file that failed runs once more, alone. */
  readonly again: boolean;
  /** A phase that says nothing for so long is killed. Default: 15 min */
  readonly silenceMs?: number;
  log(line: string): void;
}

export interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly failing: readonly string[];
  /** They failed, and passed when they ran alone. */
  readonly unsteady: readonly string[];
}

interface Counts {
  passed: number;
  failed: number;
}

/** What became of each file. */
type Outcomes = Map<string, Counts>;

/** Runs all phases, also after one that failed. */
export async function runPhases(phases: readonly Phase[], options: PhaseOptions): Promise<Report> {
  const outcomes: Outcomes = new Map();
  for (const phase of phases) {
    if (options.signal.aborted) break;
    for (const [file, counts] of await runPhase(phase, options)) outcomes.set(file, counts);
  }
  const failed = failingOf(outcomes);
  if (options.again && failed.length <= AGAIN_MAX) await runAgain(failed, outcomes, options);
  return reportOf(outcomes, failed);
}

async function runAgain(
  files: readonly string[],
  outcomes: Outcomes,
  options: PhaseOptions,
): Promise<void> {
  for (const file of files) {
    if (options.signal.aborted) return;
    options.log(`\nOnce more, alone: ${file}`);
    const alone = await runPhase({ files: [file] }, options);
    outcomes.set(file, alone.get(file) ?? { passed: 0, failed: 1 });
  }
}

const failingOf = (outcomes: Outcomes): string[] =>
  [...outcomes].filter(([, { failed }]) => failed > 0).map(([file]) => file);

function reportOf(outcomes: Outcomes, failedAtFirst: readonly string[]): Report {
  const failing = failingOf(outcomes);
  const sum = (key: keyof Counts) =>
    [...outcomes.values()].reduce((total, counts) => total + counts[key], 0);
  const unsteady = failedAtFirst.filter((file) => !failing.includes(file));
  return { passed: sum('passed'), failed: sum('failed'), failing, unsteady };
}

async function runPhase(phase: Phase, options: PhaseOptions): Promise<Outcomes> {
  const { files, jobs } = phase;
  const folder = await mkdtemp(join(tmpdir(), 'kaje-phase-'));
  const told = join(folder, 'told');
  await writeFile(told, '');
  const parallel = jobs ? ['--parallel', '--jobs', `${jobs}`] : [];
  const reporter = ['--reporter', REPORTER, '--reporter-option', `told=${told}`];
  const args = [...options.args, ...parallel, ...reporter, ...files];
  try {
    const { code } = await runMocha(args, options, (group) => watchSilence(group, told, options));
    return outcomesOf(phase, await readTold(told), code);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs mocha to its end; nothing that it has started outlives it. */
export async function runMocha(
  args: readonly string[],
  { env, stdio, signal }: MochaOptions,
  watch: (group: number) => () => void = () => () => undefined,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  // A group of its own, so that all of it can be killed.
  const child = spawn(process.execPath, [MOCHA, ...args], { stdio, env, detached: true });
  await once(child, 'spawn');
  const group = Number(child.pid);
  const unwatch = watch(group);
  // Mocha passes on no other signal to the process that runs the tests.
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt);
  const [code, ended] = await once(child, 'exit');
  signal.removeEventListener('abort', interrupt);
  unwatch();
  killGroup(group);
  return { code, signal: ended };
}

/** Kills the group once nothing more is told. */
function watchSilence(group: number, told: string, { silenceMs, log }: PhaseOptions): () => void {
  const limit = silenceMs ?? SILENCE_MS;
  let size = 0;
  let since = performance.now();
  const timer = setInterval(() => {
    const now = statSync(told).size;
    if (now !== size) since = performance.now();
    size = now;
    if (performance.now() - since < limit) return;
    log(`No test has ended for ${limit / 1000} s: mocha is killed`);
    clearInterval(timer);
    killGroup(group);
  }, LOOK_MS);
  return () => clearInterval(timer);
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // There is nobody left.
  }
}

async function readTold(path: string): Promise<Told[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}

function outcomesOf({ files, jobs }: Phase, told: readonly Told[], code: number | null): Outcomes {
  const outcomes: Outcomes = new Map();
  const countsOf = (file: string): Counts => {
    const counts = outcomes.get(file) ?? { passed: 0, failed: 0 };
    outcomes.set(file, counts);
    return counts;
  };
  for (const entry of told) if (entry.outcome !== 'ended') countsOf(entry.file)[entry.outcome]++;
  for (const file of toBlame()) countsOf(file).failed++;
  return outcomes;

  /** Where mocha died, or could not end although no test has failed. */
  function toBlame(): readonly string[] {
    const last = told.at(-1);
    if (last?.outcome === 'ended')
      return code !== 0 && failingOf(outcomes).length === 0 ? files : [];
    // In parallel a file tells all when it has ended; else the last may have been under way.
    const underWay = jobs ? undefined : last?.file;
    return files.filter((file) => file === underWay || !outcomes.has(file));
  }
}
