/** Starts programs, in process groups of their own, and ends them. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuOf } from './cpu.ts';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Numbers of the user and group that it runs as. Default: those of this process */
  readonly uid?: number;
  readonly gid?: number;
}

/** A program that runs until it is ended. */
export interface Running {
  readonly pid: number;
  /** Throws when it has ended by itself. */
  check(): Promise<void>;
  /** Seconds of processor time that it and its children have used; 0 where nobody says. */
  cpu(): Promise<number>;
  /** What it sent over IPC when it was ready; for programs of Node only. */
  readonly ready: Promise<Readonly<Record<string, unknown>>>;
  /** Default signal: SIGKILL, for what it would clear up is flushed anyway. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface Circumstances {
  /** Folder for what it writes. */
  readonly dir: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const STOP_MS = 5000;
/** A script that runs for longer hangs. */
const RUN_MS = 600_000;
const LINES_TOLD = 15;
const alive = new Set<ChildProcess>();

// Whatever ends the harness, nothing goes on without it.
process.on('exit', () => {
  for (const child of alive) signalGroup(child, 'SIGKILL');
});

/** Starts a program; what it writes goes to a file, for nobody would read a pipe. */
export async function start(command: Command, { dir, env }: Circumstances): Promise<Running> {
  const path = join(dir, `${process.hrtime.bigint()}.out`);
  const file = await open(path, 'w');
  const child = spawned(command, env, ['ignore', file.fd, file.fd, 'ipc']);
  const ended = once(child, 'exit').then(() => alive.delete(child));
  await once(child, 'spawn').finally(() => file.close());
  const words = async () => lastLines(await readFile(path, 'utf8').catch(() => ''));
  const died = () => child.exitCode !== null || child.signalCode !== null;
  const tooEarly = ended.then(async () => {
    throw new Error(`${nameOf(command)} ended (${howItEnded(child)}). It said:\n${await words()}`);
  });
  tooEarly.catch(() => undefined);
  const ready = Promise.race([once(child, 'message').then(([message]) => message), tooEarly]);
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    async check() {
      if (died()) await tooEarly;
    },
    cpu: () => cpuOf(child.pid ?? 0),
    ready,
    async stop(signal = 'SIGKILL') {
      if (died()) return;
      signalGroup(child, signal);
      const patience = new AbortController();
      const tooLate = sleep(STOP_MS, undefined, { signal: patience.signal });
      tooLate.then(() => signalGroup(child, 'SIGKILL')).catch(() => undefined);
      await ended;
      patience.abort();
    },
  };
}

/** Runs a program to its end; what it wrote last is its answer, a line of JSON, or nothing. */
export async function run(command: Command, { env }: Circumstances): Promise<unknown> {
  const child = spawned(command, env, ['ignore', 'pipe', 'pipe']);
  let said = '';
  let answer = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => (answer += text));
  child.stderr?.setEncoding('utf8').on('data', (text) => (said += text));
  const late = setTimeout(() => signalGroup(child, 'SIGKILL'), RUN_MS);
  const [code, signal] = await once(child, 'close');
  clearTimeout(late);
  alive.delete(child);
  if (code !== 0)
    throw new Error(
      `${nameOf(command)} ended (${code ?? signal}). It said:\n${lastLines(answer + said)}`,
    );
  const last = answer.trim().split('\n').at(-1) ?? '';
  return /^[{[]/.test(last) ? JSON.parse(last) : undefined;
}

function spawned(command: Command, env: Circumstances['env'], stdio: StdioOptions): ChildProcess {
  const { uid, gid } = command;
  const child = spawn(command.command, command.args, {
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    env: { ...process.env, ...command.env, ...env },
    detached: true,
    stdio,
  });
  alive.add(child);
  return child;
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid) process.kill(-pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}

function nameOf({ command, args }: Command): string {
  return [command, ...args].join(' ');
}

function howItEnded({ exitCode, signalCode }: ChildProcess): string {
  return exitCode === null ? `${signalCode}` : `exit code ${exitCode}`;
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-LINES_TOLD).join('\n');
}
