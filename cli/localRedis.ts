/** Finds or makes a Redis for `kaje start` and for the tests, and stops what it started. */
import { execFile, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { KajeError } from '../shared/errors.ts';

export interface LocalRedis {
  readonly url: string;
  /** Where it comes from, for people. */
  readonly origin: string;
  stop(): Promise<void>;
}

export interface Search {
  /** The folder that Kaje may fill: `redis` holds unpacked programs, `data` what Redis keeps. */
  readonly home: string;
  log(line: string): void;
  /** Its PATH decides which programs exist. Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A program that can be started, any number of times. */
export interface RedisServer {
  readonly origin: string;
  readonly version: string;
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  /** Only when `command` is Docker's: who Redis is inside the container, as `user:group`. */
  readonly containerUser?: string;
}

export interface RedisServerOptions {
  readonly dir: string;
  /** Keep the data, and share the server with every other start on the same `dir`. */
  readonly persistent: boolean;
  /** Default: one that the system has free. */
  readonly port?: number;
  log?(line: string): void;
}

export interface StartedRedis extends LocalRedis {
  readonly pid: number;
  readonly port: number;
}

/** A running server; kept in its folder when persistent, so that later starts find it. */
interface Running {
  readonly origin: string;
  readonly pid: number;
  readonly port: number;
  /** Its folder as it calls it itself: proves that what answers on the port is this server. */
  readonly ownDir: string;
  /** Process ids of the starts that use it, one entry per start. */
  readonly users: readonly number[];
}

interface Way {
  /** What a person can do to open this way. */
  readonly advice: string;
  find(search: Required<Search>): Promise<RedisServer | undefined>;
}

const OLDEST_VERSION = 6;
const IMAGE = 'redis:7-alpine';
const LOG = 'redis.log';
const RECORD = 'redis.json';
const ATTEMPTS = 5;
const PROBE_MS = 15_000;
const START_MS = 20_000;
const ANSWER_MS = 5_000;
const LOADING_MS = 60_000;
const STOP_MS = 10_000;
const LOCK_MS = 30_000;
const POLL_MS = 20;

const WAYS: readonly Way[] = [
  { advice: 'install redis-server or valkey-server, 6.0 or newer, on the PATH', find: onPath },
  {
    advice: 'on Debian or Ubuntu: let apt-get reach its mirror (no root needed)',
    find: fromPackages,
  },
  { advice: 'install Homebrew; Kaje then runs "brew install redis"', find: fromHomebrew },
  { advice: `start a Docker engine; Kaje then runs ${IMAGE} in it`, find: inDocker },
];

/** The Redis at `url` if one is given, else a server of this machine with its data under `home`. */
export async function findOrMakeRedis(
  options: Search & { readonly url?: string | undefined; readonly persistent: boolean },
): Promise<LocalRedis> {
  if (options.url) return { url: options.url, origin: 'KAJE_REDIS_URL', stop: async () => {} };
  const server = await findRedisServer(options);
  if (!server) throw notFound();
  if (!options.persistent) return startThrowAway(server, options);
  return startRedisServer(server, { ...options, dir: join(options.home, 'data') });
}

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

async function startThrowAway(server: RedisServer, { log }: Search): Promise<LocalRedis> {
  const dir = await mkdtemp(join(tmpdir(), 'kaje-redis-'));
  const redis = await startRedisServer(server, { dir, persistent: false, log });
  const stop = () => redis.stop().then(() => rm(dir, { recursive: true, force: true }));
  return { ...redis, stop };
}

function notFound(): KajeError {
  const ways = ['set KAJE_REDIS_URL to a Redis that runs', ...WAYS.map((way) => way.advice)];
  const lines = ways.map((way) => `  - ${way}`).join('\n');
  return new KajeError('REDIS_NOT_FOUND', `No Redis found. Any one of these helps:\n${lines}`);
}

// --- programs ------------------------------------------------------------------------------

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

async function probe(
  command: string,
  env: NodeJS.ProcessEnv,
  where: string,
): Promise<RedisServer | undefined> {
  const text = await run(command, ['--version'], { env, timeout: PROBE_MS }).catch(() => '');
  const [, name, version] = /^(\S+) server v=(\S+)/.exec(text) ?? [];
  if (!version || Number.parseInt(version, 10) < OLDEST_VERSION) return undefined;
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

// --- one server ----------------------------------------------------------------------------

/** Starts `server` on loopback, or takes over the one that already runs on a persistent `dir`. */
export async function startRedisServer(
  server: RedisServer,
  options: RedisServerOptions,
): Promise<StartedRedis> {
  await mkdir(options.dir, { recursive: true });
  const place = { ...options, dir: await realpath(options.dir) };
  const running = await (options.persistent ? share(server, place) : launch(server, place));
  let stopping: Promise<void> | undefined;
  const end = () => (options.persistent ? leave(running, place.dir) : terminate(running));
  const stop = () => (stopping ??= end());
  await untilLoaded(running, place).catch(async (error) => {
    await stop();
    throw error;
  });
  const { origin, pid, port } = running;
  return { url: `redis://127.0.0.1:${port}`, origin, pid, port, stop };
}

async function launch(server: RedisServer, options: RedisServerOptions): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const pid = await spawnServer(server, options, port);
    const ownDir = server.containerUser ? '/data' : options.dir;
    const running = { origin: server.origin, pid, port, ownDir, users: [] };
    if (await comesUp(running)) return running;
    await terminate(running);
    const clash = /already (in use|allocated)/.test(await lastWords(options.dir));
    if (!clash || options.port || attempt === ATTEMPTS) throw await notStarted(options.dir);
  }
}

async function spawnServer(
  server: RedisServer,
  options: RedisServerOptions,
  port: number,
): Promise<number> {
  const log = await open(join(options.dir, LOG), 'w');
  const line = [server.command, ...argumentsFor(server, options, port)];
  const [command = '', ...args] = options.persistent ? line : [...GUARD, ...line];
  // Detached, so that Ctrl-C does not reach Redis before those who still need it have ended.
  const input = options.persistent ? 'ignore' : 'pipe';
  const io = { detached: true, stdio: [input, log.fd, log.fd] } satisfies SpawnOptions;
  const child = spawn(command, args, { ...io, env: server.env });
  await once(child, 'spawn').finally(() => log.close());
  child.unref();
  return child.pid as number; // Known once it has spawned.
}

/** Runs a command that ends with its parent, however that ends: its standard input closes then. */
const GUARD = [
  '/bin/sh',
  '-c',
  'exec 3<&0; (read _ <&3; kill $$ 2>&-) & exec "$@" 3<&- </dev/null',
  'sh',
];

function argumentsFor(server: RedisServer, options: RedisServerOptions, port: number): string[] {
  const { dir, persistent } = options;
  const data = [
    '--save',
    '',
    '--appendonly',
    persistent ? 'yes' : 'no',
    '--appendfsync',
    'everysec',
  ];
  // The name that Redis 6 knows as well. 1024 halves the memory that a task takes.
  const memory = ['--maxmemory-policy', 'noeviction', '--hash-max-ziplist-value', '1024'];
  const settings = [...data, ...memory, '--daemonize', 'no'];
  const own = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', dir, '--protected-mode', 'yes'];
  if (!server.containerUser) return [...own, ...settings];
  const publish = ['-p', `127.0.0.1:${port}:6379`, '-v', `${dir}:/data`];
  const container = ['run', '--rm', ...publish, '--user', server.containerUser];
  // Loopback inside the container is not reachable; what is published is on loopback only.
  const inside = [
    '--entrypoint',
    'redis-server',
    IMAGE,
    '--dir',
    '/data',
    '--protected-mode',
    'no',
  ];
  return [...container, ...inside, ...settings];
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo; // It listens on TCP.
  probe.close();
  await once(probe, 'close');
  return port;
}

async function comesUp(running: Running): Promise<boolean> {
  let up = false;
  await until(async () => {
    up = await isServing(running);
    return up || !signal(running.pid, 0);
  }, START_MS);
  return up;
}

async function untilLoaded(running: Running, { dir, log }: RedisServerOptions): Promise<void> {
  let reply = '';
  let told = false;
  await until(async () => {
    reply = await ask(running.port, 'PING').catch(() => '');
    if (reply.startsWith('-LOADING') && !told) log?.('Redis is loading its data ...');
    told ||= reply.startsWith('-LOADING');
    return reply.startsWith('+PONG') || !signal(running.pid, 0);
  }, LOADING_MS);
  if (!reply.startsWith('+PONG')) throw await notStarted(dir);
}

async function notStarted(dir: string): Promise<KajeError> {
  const lines = (await lastWords(dir)).trim().split('\n').slice(-3).join('\n');
  return new KajeError('REDIS_NOT_STARTED', `Redis did not start in ${dir}. It said:\n${lines}`);
}

function lastWords(dir: string): Promise<string> {
  return readFile(join(dir, LOG), 'utf8');
}

async function terminate(running: Running): Promise<void> {
  signal(running.pid, 'SIGTERM');
  if (await until(() => isGone(running), STOP_MS)) return;
  signal(running.pid, 'SIGKILL');
  await until(() => isGone(running), STOP_MS);
}

/** A Redis taken over may stay a zombie, its parent being another; but its port closes last. */
async function isGone({ pid, port }: Running): Promise<boolean> {
  const isClosed = (error: unknown) => codeOf(error) === 'ECONNREFUSED';
  return !signal(pid, 0) || ask(port, 'PING').then(() => false, isClosed);
}

/** Whether there was a process to send it to; 0 only asks. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

async function until(fact: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (!(await fact())) {
    if (Date.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

// --- sharing a server: the last start to leave stops it ------------------------------------

function share(server: RedisServer, options: RedisServerOptions): Promise<Running> {
  return locked(options.dir, async () => {
    const found = await runningIn(options.dir);
    const running = found ?? (await launch(server, options));
    await record(options.dir, { ...running, users: [...running.users, process.pid] });
    return found ? { ...found, origin: `${found.origin}, already running` } : running;
  });
}

function leave(running: Running, dir: string): Promise<void> {
  return locked(dir, async () => {
    const current = (await recorded(dir)) ?? running;
    const mine = current.users.indexOf(process.pid);
    const users = current.users.filter((pid, index) => index !== mine && signal(pid, 0));
    if (users.length > 0) return record(dir, { ...current, users });
    await terminate(current);
    await rm(join(dir, RECORD), { force: true });
  });
}

/** A server may have outlived those who started it: a killed process stops nothing. */
async function runningIn(dir: string): Promise<Running | undefined> {
  const found = await recorded(dir);
  if (!found || !(await isServing(found))) return undefined;
  return { ...found, users: found.users.filter((pid) => signal(pid, 0)) };
}

async function recorded(dir: string): Promise<Running | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, RECORD), 'utf8'));
  } catch {
    return undefined; // There is none, or a power cut left half of it.
  }
}

async function record(dir: string, running: Running): Promise<void> {
  await writeFile(join(dir, `${RECORD}.new`), JSON.stringify(running));
  await rename(join(dir, `${RECORD}.new`), join(dir, RECORD));
}

/** One start or stop at a time in a folder: two servers on one append-only file would ruin it. */
async function locked<T>(dir: string, work: () => Promise<T>): Promise<T> {
  const lock = join(dir, 'redis.lock');
  while (!(await claim(lock))) await sleep(POLL_MS);
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

async function claim(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, `${process.pid}`, { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (await isAbandoned(lock)) await rm(lock, { force: true });
    return false;
  }
}

async function isAbandoned(lock: string): Promise<boolean> {
  const [owner, file] = await Promise.all([
    readFile(lock, 'utf8').catch(() => ''),
    stat(lock).catch(() => undefined),
  ]);
  const old = file !== undefined && Date.now() - file.mtimeMs > LOCK_MS;
  return old || (owner !== '' && !signal(Number(owner), 0));
}

/** Whether what answers on the port is this very server, not one that got its port later. */
async function isServing({ port, ownDir, pid }: Running): Promise<boolean> {
  const reply = await ask(port, 'CONFIG GET dir').catch((error) => {
    // It is there but stuck: a second server beside it would ruin its data.
    if (codeOf(error) === 'ETIMEDOUT' && signal(pid, 0)) throw error;
    return '';
  });
  return reply.includes(`\r\n${ownDir}\r\n`);
}

/** One command, its reply as Redis writes it: too little for a client library. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((answer, reject) => {
    let reply = '';
    const socket = connect(port, '127.0.0.1').setEncoding('utf8').setTimeout(ANSWER_MS);
    socket.write(`${command}\r\nQUIT\r\n`);
    socket.on('data', (part) => {
      reply += part;
    });
    socket.on('timeout', () => socket.destroy(stuck(port)));
    socket.on('error', reject).on('close', () => answer(reply));
  });
}

function stuck(port: number): Error {
  return Object.assign(new Error(`Redis on port ${port} does not answer`), { code: 'ETIMEDOUT' });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
