/** Finds what is installed beside Kaje. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { BENCH } from './places.ts';
import { postgresVersion } from './postgres.ts';
import type { Command } from './processes.ts';

const PROBE_MS = 20_000;
export const NPM_INSTALL = 'npm ci --prefix bench/peers';

/** Version of a package in `bench/peers/node_modules`. */
export async function npmVersion(name: string): Promise<string | undefined> {
  const path = `${BENCH}peers/node_modules/${name}/package.json`;
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text && JSON.parse(text).version;
}

/** A script of a peer that is a package of npm. */
export function nodeScript(peer: string, name: string): Command {
  return { command: process.execPath, args: [`${BENCH}peers/${peer}/${name}.mjs`] };
}

/** What peers that are packages of npm have in common. */
export function npmPeer(name: string) {
  return {
    name,
    title: name,
    install: NPM_INSTALL,
    version: () => npmVersion(name),
    fill: nodeScript(name, 'fill'),
    work: nodeScript(name, 'work'),
  };
}

/** The same on PostgreSQL. */
export function postgresPeer(name: string) {
  return {
    ...npmPeer(name),
    install: `apt-get install postgresql; ${NPM_INSTALL}`,
    isOnRedis: false,
    async version() {
      const [own, server] = [await npmVersion(name), await postgresVersion()];
      return own && server && `${own} on PostgreSQL ${server}`;
    },
  };
}

/** What a program says, in one line; undefined where it does not work. */
export async function saidBy(
  command: string,
  args: readonly string[],
): Promise<string | undefined> {
  const options = { timeout: PROBE_MS, env: { ...process.env, LC_ALL: 'C' } };
  const running = promisify(execFile)(command, [...args], options);
  return running.then(({ stdout }) => stdout.trim().split('\n').at(-1)).catch(() => undefined);
}

/** The one on the PATH may be another than the one that the system's packages are for. */
const PYTHONS = ['python3', '/usr/bin/python3'];

/** So that no compiled files lie about afterwards. */
export const PYTHON_ENV = { PYTHONDONTWRITEBYTECODE: '1' };

/** A Python that has the module, and the module's version. */
export async function pythonWith(
  module: string,
): Promise<{ readonly python: string; readonly version: string } | undefined> {
  const code = `import ${module}; print(getattr(${module}, '__version__', None) or ${module}.VERSION)`;
  for (const python of PYTHONS) {
    const version = await saidBy(python, ['-c', code]);
    if (version) return { python, version };
  }
  return undefined;
}
