import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, ENTRY, outOfMemory, type StartOptions } from './child.ts';
import { type Envelope, type FromChild, opened, type ToChild } from './messages.ts';
import { pack } from './thrown.ts';

/** Milliseconds that one which does not listen may go on after the word to end. */
const KILL_AFTER_MS = 500;

/** Milliseconds between two looks whether anything of a group is left. */
const LOOK_MS = 20;

const HAS_GROUPS = process.platform !== 'win32';

/** Those with which V8 and Node end a process themselves, as a rule for want of memory. */
const FATAL_SIGNALS = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL']);

/** Starts a process that runs tasks. */
export function startProcess({ maxMemory, onMessage, onEnd }: StartOptions): Child {
  const child = fork(ENTRY, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: optionsFor(maxMemory),
    // The leader of a group: programs that its tasks start end with it. Windows has no groups.
    detached: HAS_GROUPS,
  });
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    const end = (how: string) => {
      if (isGone) return;
      isGone = true;
      onEnd(how);
      void endGroup(child.pid).then(resolve);
    };
    // Not `exit`: that may come before the last messages.
    child.once('close', (code, signal) => end(inWords(code, signal, maxMemory)));
    // Also of a message or a signal that came too late; its end is told by `close` then.
    child.on('error', (error) => child.pid === undefined && end(error.message));
  });
  child.on('message', (envelope) => {
    const message = opened<FromChild>(envelope);
    if (message) onMessage(message);
  });
  const send = (message: ToChild): void => {
    const envelope: Envelope<ToChild> = { kaje: message };
    if (child.connected) child.send(envelope, () => undefined);
  };
  return {
    send,
    async kill(reason) {
      if (isGone) return gone;
      send({ kind: 'exit', reason: pack(reason) });
      // Ends one that is still starting; later on it is for what tasks do at a SIGTERM.
      signal(child, 'SIGTERM');
      const force = setTimeout(() => signal(child, 'SIGKILL'), KILL_AFTER_MS);
      await gone;
      clearTimeout(force);
    },
    memory: () => residentMb(child.pid),
  };
}

/** The options of this process, less those that only one process can have. */
function optionsFor(maxMemory: number): string[] {
  const options = process.execArgv.filter((option) => !option.startsWith('--inspect'));
  return maxMemory > 0 ? [...options, `--max-old-space-size=${maxMemory}`] : options;
}

/** To the process and to all that its tasks have started, unless that made groups of its own. */
function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (HAS_GROUPS && child.pid !== undefined) process.kill(-child.pid, name);
    else child.kill(name);
  } catch {
    // Not allowed to, by some security module: the word to end was given as a message, too.
  }
}

/** The process is gone, however it ended: the rest of its group gets the same time. */
async function endGroup(leader: number | undefined): Promise<void> {
  if (!HAS_GROUPS || leader === undefined || !signalled(-leader, 'SIGTERM')) return;
  const until = performance.now() + KILL_AFTER_MS;
  while (performance.now() < until) {
    await sleep(LOOK_MS);
    if (!signalled(-leader, 0)) return;
  }
  signalled(-leader, 'SIGKILL');
}

/** Whether there was anybody to get it. */
function signalled(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function inWords(code: number | null, signal: string | null, maxMemory: number): string {
  if (signal === null) return `exit code ${code}`;
  if (!FATAL_SIGNALS.has(signal)) return `ended by ${signal}`;
  return `ended by ${signal}, as a rule ${outOfMemory(maxMemory)}; its stderr says more`;
}

/** What the kernel counts, Buffers included, which are outside of V8's heap. Linux only. */
async function residentMb(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024;
}
