/** `npm test [-- mocha's options and files]`: runs mocha against a throw-away Redis of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { findOrMakeRedis } from '../cli/localRedis.ts';
import type { LocalRedis } from '../cli/redisServer.ts';

/** Most tests wait most of the time: several files run at once. Those that measure time run alone. */
const TOGETHER = ['--parallel', '--jobs', '4', '--ignore', 'test/e2e/**', 'test/**/*.test.ts'];
const ALONE = ['test/e2e/*.test.ts'];

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const redis = await throwAwayRedis();
  try {
    if (args.some(isSpec)) return await mocha(args, redis);
    return (
      (await mocha([...args, ...TOGETHER], redis)) || (await mocha([...args, ...ALONE], redis))
    );
  } finally {
    await redis.stop();
  }
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
