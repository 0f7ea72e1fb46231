/** One of several worker processes, as its supervisor sees it. */
import { fork } from 'node:child_process';
import { type Envelope, opened } from '../worker/pools/messages.ts';
import type { FromWorker, ToWorker } from '../worker/supervised.ts';
import { MAIN } from './children.ts';
import { FAILED } from './exitCodes.ts';
import type { End } from './processes.ts';

export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Whether it has taken tasks. */
  isReady(): boolean;
  /** Why it cannot take tasks now; undefined when it can. */
  unreadiness(): string | undefined;
  /** Its first signal: running tasks may end. */
  stop(): void;
  /** What still runs goes back at once. */
  hurry(): void;
}

export interface WorkerProcessOptions {
  /** Of the command line. */
  readonly args: readonly string[];
  /** It takes tasks for the first time; `message` is what it tells whoever started it. */
  onReady(message: object): void;
  onEnd(end: End, error?: Error): void;
}

/** Milliseconds without a beat, of which there is one a second. */
const SILENT_MS = 5000;

export function startWorkerProcess(options: WorkerProcessOptions): WorkerProcess {
  const { args, onReady, onEnd } = options;
  const startedAt = performance.now();
  let heardAt = Number.POSITIVE_INFINITY;
  let unreadiness: string | undefined = 'starting';
  let isReady = false;
  let isLeaving = false;
  let isGone = false;

  const child = fork(MAIN, args, {
    // A debugger's port is only one process's.
    execArgv: process.execArgv.filter((option) => !option.startsWith('--inspect')),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const end = (code: number | null, signal: NodeJS.Signals | null, error?: Error) => {
    if (isGone) return;
    isGone = true;
    onEnd({ code, signal, isLeaving, livedMs: performance.now() - startedAt }, error);
  };
  const hear = (message: FromWorker): void => {
    heardAt = performance.now();
    if (message.kind === 'leaving') isLeaving = true;
    else unreadiness = message.unreadiness ?? undefined;
  };
  // Not `exit`: that may come before the last messages.
  child.once('close', (code, signal) => end(code, signal));
  // Also of a message or a signal that came too late; its end is told by `close` then.
  child.on('error', (error) => child.pid === undefined && end(FAILED, null, error));
  child.on('message', (received) => {
    const message = opened<FromWorker>(received);
    if (message) return hear(message);
    // What worker/main.ts sends when it is ready; tasks and libraries may send others.
    if (isReady || typeof received !== 'object' || !('tasks' in received)) return;
    isReady = true;
    onReady(received);
  });
  return {
    pid: child.pid,
    isReady: () => isReady,
    unreadiness() {
      const isSilent = performance.now() - heardAt > SILENT_MS;
      return isSilent ? 'does not answer' : unreadiness;
    },
    stop: () => void child.kill('SIGTERM'),
    hurry() {
      const envelope: Envelope<ToWorker> = { kaje: { kind: 'hurry' } };
      if (child.connected) child.send(envelope, () => undefined);
    },
  };
}
