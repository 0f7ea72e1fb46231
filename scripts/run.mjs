// `node scripts/run.mjs start|test|check [args]`: runs Kaje from its source folder.
// Plain JavaScript that imports nothing but Node: it runs before anything is installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const OLDEST_NODE = [20, 19];
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const TSX = ['--import', 'tsx'];
const MOCHA = 'node_modules/mocha/bin/mocha.js';

/** Each command is a list of steps: a name, then the arguments for Node. */
const COMMANDS = {
  start: (args) => [['start', ...TSX, 'cli/main.ts', 'start', ...args]],
  test: (args) => [['test', ...TSX, 'test/run.ts', ...args]],
  check: () => [
    [
      'format and lint (npm run format repairs most)',
      'node_modules/@biomejs/biome/bin/biome',
      'ci',
      '.',
    ],
    ['types', 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'],
    ['architecture', MOCHA, 'test/architecture.test.ts'],
  ],
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}

async function main([command, ...args]) {
  const steps = COMMANDS[command];
  if (!steps) throw new Error('Usage: node scripts/run.mjs start|test|check [args]');
  checkNode();
  process.chdir(ROOT);
  if (!isInstalled()) await install();
  return command === 'check' ? check(steps()) : run(process.execPath, steps(args)[0].slice(1));
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new Error(
    `Kaje needs Node.js ${OLDEST_NODE.join('.')} or newer; this is ${process.version}`,
  );
}

/** Whether node_modules holds what the lock asks for, whoever installed it. */
function isInstalled() {
  const wanted = packagesIn('package-lock.json');
  const present = packagesIn('node_modules/.package-lock.json');
  const agrees = ([path, { version, optional, devOptional }]) =>
    present[path] ? present[path].version === version : optional || devOptional;
  const isKnown = (path) => path in wanted;
  return Object.entries(wanted).every(agrees) && Object.keys(present).every(isKnown);
}

function packagesIn(lock) {
  try {
    const { '': _root, ...packages } = JSON.parse(readFileSync(lock, 'utf8')).packages;
    return packages;
  } catch {
    return {};
  }
}

async function install() {
  console.log('Installing the packages that Kaje needs (npm ci) ...');
  // Also where NODE_ENV is production: the test and check commands need the others too.
  const args = ['ci', '--no-audit', '--no-fund', '--include=dev'];
  const code = await run('npm', args, { shell: process.platform === 'win32' });
  if (code !== 0) throw new Error('npm ci failed; its messages are above');
}

async function check(steps) {
  for (const [name, ...args] of steps) {
    console.log(`check: ${name}`);
    const code = await run(process.execPath, args);
    if (code === 0) continue;
    console.error(`check failed: ${name}`);
    return code;
  }
  return 0;
}

/** Runs a command to its end, whatever signal comes: it ends in its own order. */
async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options });
  const forward = (signal) => child.kill(signal);
  // The terminal sends Ctrl-C to the child as well; twice would mean "at once" to it.
  const ignore = () => {};
  process.on('SIGINT', ignore).on('SIGTERM', forward);
  const watch = whenNpmIsGone(() => forward('SIGTERM'));
  const [code, signal] = await once(child, 'exit');
  clearInterval(watch);
  process.off('SIGINT', ignore).off('SIGTERM', forward);
  return code ?? 128 + constants.signals[signal];
}

/** A SIGTERM to npm ends npm and its shell, but neither passes it on to what they run. */
function whenNpmIsGone(then) {
  if (!process.env.npm_lifecycle_event) return undefined;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    then();
  }, 250);
  return watch;
}
