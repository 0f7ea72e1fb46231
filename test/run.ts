/**
 * `npm test [-- mocha's options and files]`: runs mocha against a throw-away Redis of its own.
 * `--soak` runs what takes minutes instead; `--ci` runs both, and a file that failed once more, alone.
 */
import { execFileSync } from 'node:child_process';
import { constants } from 'node:os';
import { globSync } from 'tinyglobby';
import { findOrMakeRedis } from '../cli/localRedis.ts';
import type { LocalRedis } from '../cli/redisServer.ts';
import {
  type MochaOptions,
  type Phase,
  type Report,
  runMocha,
  runPhases,
} from './support/phases.ts';

/** Whole clusters of processes need room to keep their time. */
const CLUSTERS = ['test/e2e/*.test.ts', 'test/faults/*.test.ts'];
/** What takes minutes or a core, each fault under load among it. */
const SOAK = [
  'test/soak/*.test.ts',
  'test/faults/{clocks,kills,lines,redis}.test.ts',
  'test/e2e/isolation.test.ts',
];
/** These measure time to a few percent, or what a process takes: nothing else runs beside them. */
const ALONE = ['test/soak/{pace,punctuality,stall}.test.ts'];

const filesOf = (patterns: string | string[], ignore: string[] = []) =>
  globSync(patterns, { ignore }).sort();

/** Most tests wait most of the time. */
const TESTS: readonly Phase[] = [
  { jobs: 5, files: filesOf('test/**/*.test.ts', [...CLUSTERS, ...SOAK]) },
  { jobs: 3, files: filesOf(CLUSTERS, SOAK) },
];
const LONG: readonly Phase[] = [
  { jobs: 2, files: filesOf(SOAK, ALONE) },
  { files: filesOf(ALONE) },
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  build();
  const redis = await throwAwayRedis();
  const interruption = listenForSignals();
  const env = { ...process.env, KAJE_TEST_REDIS_URL: redis.url };
  const options = { env, stdio: 'inherit', signal: interruption } as const;
  try {
    const code = args.some(isSpec) ? await runSpecs(args, options) : await runAll(args, options);
    // After an interruption mocha says 0, as if every test had passed.
    return interruption.aborted ? 128 + interruption.reason : code;
  } finally {
    await redis.stop();
  }
}

/** What tests start as processes: as JavaScript they are up in 0.4 s, from the sources in 1.2 s. */
function build(): void {
  const args = ['scripts/build.mjs', 'dist-test', 'tsconfig.test.json'];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}

function throwAwayRedis(): Promise<LocalRedis> {
  const url = process.env.KAJE_TEST_REDIS_URL;
  const home = process.env.KAJE_HOME ?? '.kaje';
  return findOrMakeRedis({ url, home, persistent: false, log: console.log }).catch((error) => {
    console.error(`${error.message}\nFor the tests that variable is KAJE_TEST_REDIS_URL.`);
    process.exit(1);
  });
}

/** Aborted with the number of the signal: mocha ends first, then Redis. */
function listenForSignals(): AbortSignal {
  const interruption = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => interruption.abort(constants.signals[name]));
  return interruption.signal;
}

function isSpec(arg: string): boolean {
  return arg.endsWith('.ts');
}

async function runSpecs(args: readonly string[], options: MochaOptions): Promise<number> {
  const { code, signal } = await runMocha(args, options);
  return signal ? 128 + constants.signals[signal] : (code ?? 1);
}

async function runAll(given: readonly string[], options: MochaOptions): Promise<number> {
  const args = given.filter((arg) => arg !== '--soak' && arg !== '--ci');
  const again = given.includes('--ci');
  const report = await runPhases(phasesFor(given), { ...options, args, again, log: console.log });
  if (!options.signal.aborted) tell(report);
  return report.failed > 0 ? 1 : 0;
}

function phasesFor(args: readonly string[]): readonly Phase[] {
  if (args.includes('--ci')) return [...TESTS, ...LONG];
  return args.includes('--soak') ? LONG : TESTS;
}

/** The last line is for programs. */
function tell({ passed, failed, failing, unsteady }: Report): void {
  const list = (title: string, files: readonly string[]) =>
    files.length > 0 && console.log(`\n${title}\n${files.map((file) => `  ${file}`).join('\n')}`);
  list('Failed:', failing);
  list('Unsteady, to be mended: failed, then passed alone:', unsteady);
  console.log(`\n${passed} passed, ${failed} failed`);
}
