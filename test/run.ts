/** `npm test [-- mocha's options and files]`: runs mocha against a throw-away Redis of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { findOrMakeRedis } from '../cli/localRedis.ts';
import type { LocalRedis } from '../cli/redisServer.ts';

/** These measure time to a few percent, or what a process takes: nothing else runs beside them. */
const ALONE = ['pace', 'punctuality', 'stall'].map((name) => `test/e2e/${name}.test.ts`);
const inParallel = (jobs: number) => ['--parallel', '--jobs', `${jobs}`];
const except = (files: readonly string[]) => files.flatMap((file) => ['--ignore', file]);
/** Most tests wait most of the time; those of whole clusters need room to keep their time. */
const PHASES = [
  [...inParallel(4), ...except(['test/e2e/**']), 'test/**/*.test.ts'],
  [...inParallel(2), ...except(ALONE), 'test/e2e/*.test.ts'],
  ALONE,
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  build();
  const redis = await throwAwayRedis();
  try {
    if (args.some(isSpec)) return await mocha(args, redis);
    for (const phase of PHASES) {
      const code = await mocha([...args, ...phase], redis);
      if (code !== 0) return code;
    }
    return 0;
  } finally {
    await redis.stop();
  }
}

/** What tests start as processes: as JavaScript they are up in 0.4 s, from the sources in 1.2 s. */
function build(): void {
  const args = ['scripts/build.mjs', 'dist-test', 'tsconfig.test.json'];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}

function isSpec(arg: string): boolean {
  return arg.endsWith('.ts');
}

function throwAwayRedis(): Promise<LocalRedis> {
  const url = process.env.KAJE_TEST_REDIS_URL;
  const home = process.env.KAJE_HOME ?? '.kaje';
  return findOrMakeRedis({ url, home, persistent: false, log: console.log }).catch((error) => {
    console.error(`${error.message}\nFor the tests that variable is KAJE_TEST_REDIS_URL.`);
    process.exit(1);
  });
}

async function mocha(args: string[], redis: LocalRedis): Promise<number> {
  const env = { ...process.env, KAJE_TEST_REDIS_URL: redis.url };
  const command = ['node_modules/mocha/bin/mocha.js', ...args];
  const child = spawn(process.execPath, command, { stdio: 'inherit', env });
  let interruption: NodeJS.Signals | undefined;
  // Ctrl-C reaches mocha by itself; here it must not prevent the stop of Redis.
  process.on('SIGINT', (signal) => {
    interruption = signal;
  });
  // Mocha passes on no other signal than SIGINT to the process that runs the tests.
  process.on('SIGTERM', (signal) => {
    interruption = signal;
    child.kill('SIGINT');
  });
  const [code, signal] = await once(child, 'exit');
  return exitCode(code, interruption ?? signal);
}

/** After an interruption mocha says 0, as if every test had passed. */
function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return signal ? 128 + constants.signals[signal] : (code ?? 1);
}
