/** Finds a Redis program on this machine, or fetches one, without root. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** A program that can be started, any number of times. */
export interface RedisServer {
  readonly origin: string;
  readonly version: string;
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  /** Only when `command` is Docker's: who Redis is inside the container, as `user:group`. */
  readonly containerUser?: string;
}

export interface Search {
  /** The folder that Kaje may fill: `redis` holds unpacked programs, `data` what Redis keeps. */
  readonly home: string;
  log(line: string): void;
  /** Its PATH decides which programs exist. Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

interface Way {
  /** What a person can do to open this way. */
  readonly advice: string;
  find(search: Required<Search>): Promise<RedisServer | undefined>;
}

const IMAGE = 'redis:7-alpine';
const PROBE_MS = 15_000;

const WAYS: readonly Way[] = [
  { advice: 'install redis-server or valkey-server, 6.2 or newer, on the PATH', find: onPath },
  {
    advice: 'on Debian or Ubuntu: let apt-get reach its mirror (no root needed)',
    find: fromPackages,
  },
  { advice: 'install Homebrew; Kaje then runs "brew install redis"', find: fromHomebrew },
  { advice: `start a Docker engine; Kaje then runs ${IMAGE} in it`, find: inDocker },
];

/** What a person can do to open each way. */
export const ADVICE = WAYS.map(({ advice }) => advice);

/** The first program that the ways lead to. May download one; says so before. */
export async function findRedisServer(options: Search): Promise<RedisServer | undefined> {
  const search = { env: process.env, ...options, home: resolve(options.home) };
  for (const way of WAYS) {
    const server = await way.find(search).catch((error: Error) => {
      search.log(`That did not work: ${error.message.trim().split('\n').at(-1)}`);
    });
    if (server) return server;
  }
  return undefined;
}

async function onPath({ env }: Required<Search>): Promise<RedisServer | undefined> {
  return (
    (await probe('redis-server', env, 'on the PATH')) ??
    (await probe('valkey-server', env, 'on the PATH'))
  );
}

async function fromPackages(search: Required<Search>): Promise<RedisServer | undefined> {
  return (await unpackedEarlier(search)) ?? unpack(search);
}

async function unpackedEarlier({ home, env }: Required<Search>): Promise<RedisServer | undefined> {
  const root = join(home, 'redis');
  const libraries = await libraryFolders(root);
  const LD_LIBRARY_PATH = [...libraries, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter);
  return probe(join(root, 'usr/bin/redis-server'), { ...env, LD_LIBRARY_PATH }, `in ${root}`);
}

async function libraryFolders(root: string): Promise<string[]> {
  const files = await readdir(root, { recursive: true }).catch(() => []);
  const libraries = files.filter((file) => /\.so(\.\d+)*$/.test(file));
  return [...new Set(libraries.map((file) => join(root, dirname(file))))];
}

/** Takes the distribution's packages apart in a folder; nothing is installed, so no root. */
async function unpack(search: Required<Search>): Promise<RedisServer | undefined> {
  const { home, env, log } = search;
  if (!(await answers('apt-get', env)) || !(await answers('dpkg', env))) return undefined;
  log(`Unpacking Redis from this system's packages into ${join(home, 'redis')} (once, ~2 MB) ...`);
  const work = join(home, `redis.${process.pid}`);
  try {
    await unpackInto(work, search);
    await moveIntoPlace(join(work, 'root'), search);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return unpackedEarlier(search);
}

async function unpackInto(work: string, { env, log }: Required<Search>): Promise<void> {
  const packages = join(work, 'packages');
  await mkdir(packages, { recursive: true });
  await download(packages, env, []).catch(async () => {
    log('The package lists are missing or old: fetching new ones (~10 MB) ...');
    await download(packages, env, await fetchLists(work, env));
  });
  for (const file of await readdir(packages)) {
    await run('dpkg', ['-x', join(packages, file), join(work, 'root')], { env });
  }
}

/** Redis and each package it needs that the system lacks, as apt itself works it out. */
async function download(cwd: string, env: NodeJS.ProcessEnv, options: string[]): Promise<void> {
  const install = ['-s', 'install', '--no-install-recommends', 'redis-server'];
  const plan = await run('apt-get', [...options, ...install], { env });
  const lacking = [...plan.matchAll(/^Inst (\S+) \(/gm)].map(([, name]) => `${name}`);
  const names = new Set(['redis-server', 'redis-tools', ...lacking]);
  await run('apt-get', [...options, ...NOT_SANDBOXED, 'download', ...names], { env, cwd });
}

// As root, apt would download as another user, who may not write to the home folder.
const NOT_SANDBOXED = ['-o', 'APT::Sandbox::User=root'];

/** Fetches package lists into `work`, for only root may change those of the system. */
async function fetchLists(work: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const [lists, cache] = [join(work, 'lists'), join(work, 'cache')];
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(cache, 'archives/partial'), { recursive: true });
  const options = ['-o', `Dir::State::Lists=${lists}`, '-o', `Dir::Cache=${cache}`];
  await run('apt-get', [...options, ...NOT_SANDBOXED, 'update'], { env });
  return options;
}

/** What is there already serves as well, if it works: another start was faster. */
async function moveIntoPlace(from: string, search: Required<Search>): Promise<void> {
  const to = join(search.home, 'redis');
  await rename(from, to).catch(async () => {
    if (await unpackedEarlier(search)) return;
    await rm(to, { recursive: true, force: true });
    await rename(from, to);
  });
}

async function fromHomebrew({ env, log }: Required<Search>): Promise<RedisServer | undefined> {
  if (!(await answers('brew', env))) return undefined;
  const prefix = (await run('brew', ['--prefix'], { env })).trim();
  const installed = () => probe(join(prefix, 'bin/redis-server'), env, 'of Homebrew');
  const already = await installed();
  if (already) return already;
  log('Installing Redis with Homebrew (brew install redis); this may take some minutes ...');
  await run('brew', ['install', 'redis'], { env });
  return installed();
}

async function inDocker({ env, log }: Required<Search>): Promise<RedisServer | undefined> {
  const info = await run('docker', ['info'], { env, timeout: PROBE_MS }).catch(() => undefined);
  if (info === undefined) return undefined;
  await run('docker', ['image', 'inspect', IMAGE], { env }).catch(() => {
    log(`Pulling ${IMAGE} with Docker; this may take some minutes ...`);
    return run('docker', ['pull', '--quiet', IMAGE], { env });
  });
  const containerUser = fileOwner(info);
  return { origin: `${IMAGE} in Docker`, version: '7', command: 'docker', env, containerUser };
}

/** The user whose files in a mounted folder belong to the user of this process. */
function fileOwner(dockerInfo: string): string {
  const rootless = /^\s*rootless(: true)?\s*$/m.test(dockerInfo);
  return rootless || !process.getuid ? '0:0' : `${process.getuid()}:${process.getgid?.()}`;
}

/** Whether Kaje works with it: Redis 6.2 or newer; every Valkey is. */
export function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 6 || (major === 6 && minor >= 2);
}

async function probe(
  command: string,
  env: NodeJS.ProcessEnv,
  where: string,
): Promise<RedisServer | undefined> {
  const text = await run(command, ['--version'], { env, timeout: PROBE_MS }).catch(() => '');
  const [, name, version] = /^(\S+) server v=(\S+)/.exec(text) ?? [];
  if (!version || !isNewEnough(version)) return undefined;
  return { origin: `${name} ${version} ${where}`, version, command, env };
}

async function answers(command: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const probed = run(command, ['--version'], { env, timeout: PROBE_MS });
  return probed.then(
    () => true,
    () => false,
  );
}

async function run(
  command: string,
  args: string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string; timeout?: number },
): Promise<string> {
  // In the C locale, for the answers are read.
  const env = { ...options.env, LC_ALL: 'C' };
  const { stdout } = await promisify(execFile)(command, args, { ...options, env });
  return stdout;
}
