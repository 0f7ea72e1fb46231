/** One Redis server: started on a free port of loopback, waited for, stopped. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KajeError } from '../shared/errors.ts';
import type { RedisServer } from './findRedis.ts';

export interface LocalRedis {
  readonly url: string;
  /** Where it comes from, for people. */
  readonly origin: string;
  stop(): Promise<void>;
}

export interface RedisServerOptions {
  readonly dir: string;
  /** Keep the data, and share the server with every other start on the same `dir`. */
  readonly persistent: boolean;
  /** Default: one that the system has free. */
  readonly port?: number;
  /** Taken when it is free and no `port` is given: clients find Redis there by their defaults. */
  readonly preferPort?: number | undefined;
  log?(line: string): void;
}

export interface StartedRedis extends LocalRedis {
  readonly pid: number;
  readonly port: number;
}

/** A running server; kept in its folder when persistent, so that later starts find it. */
export interface Running {
  readonly origin: string;
  readonly pid: number;
  readonly port: number;
  /** Its folder as it calls it itself: proves that what answers on the port is this server. */
  readonly ownDir: string;
  /** Process ids of the starts that use it, one entry per start. */
  readonly users: readonly number[];
}

const IMAGE = 'redis:7-alpine';
const LOG = 'redis.log';
const ATTEMPTS = 5;
const START_MS = 20_000;
const ANSWER_MS = 5_000;
const LOADING_MS = 60_000;
const STOP_MS = 10_000;
const POLL_MS = 20;

/** Starts a server and waits until it answers; throws what its log says last when it does not. */
export async function launch(server: RedisServer, options: RedisServerOptions): Promise<Running> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await portFor(options, attempt));
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
  // The name that Redis 6.2 knows as well. 1024 halves the memory that a task takes.
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

/** The preferred port is tried once: another process may take it between the look and the start. */
async function portFor({ preferPort }: RedisServerOptions, attempt: number): Promise<number> {
  if (preferPort === undefined || attempt > 1 || (await isTaken(preferPort))) return freePort();
  return preferPort;
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => answer(true)).on('connect', () => socket.destroy());
    socket.on('error', (error) => answer(codeOf(error) !== 'ECONNREFUSED'));
  });
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

export async function untilLoaded(
  running: Running,
  { dir, log }: RedisServerOptions,
): Promise<void> {
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

/** Asks it to stop, and makes it. */
export async function terminate(running: Running): Promise<void> {
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
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

async function until(fact: () => boolean | Promise<boolean>, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (!(await fact())) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

/** Whether what answers on the port is this very server, not one that got its port later. */
export async function isServing({ port, ownDir, pid }: Running): Promise<boolean> {
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
