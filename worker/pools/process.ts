import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { type Child, ENTRY, outOfMemory, type StartOptions } from './child.ts';
import { type Envelope, type FromChild, opened, type ToChild } from './messages.ts';

/** Milliseconds that one which does not listen may go on after the word to end. */
const KILL_AFTER_MS = 500;

/** Those with which V8 and Node end a process themselves, as a rule for want of memory. */
const FATAL_SIGNALS = new Set(['SIGABRT', 'SIGTRAP', 'SIGILL']);

/** Starts a process that runs tasks. */
export function startProcess({ maxMemory, onMessage, onEnd }: StartOptions): Child {
  const child = fork(ENTRY, {
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: optionsFor(maxMemory),
  });
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    const end = (how: string) => {
      if (isGone) return;
      isGone = true;
      onEnd(how);
      resolve();
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
    async kill() {
      if (isGone) return;
      send({ kind: 'exit' });
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

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  try {
    child.kill(name);
  } catch {
    // Not allowed to, by some security module: the word to end was given as a message, too.
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
