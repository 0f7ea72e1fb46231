/** The processes that `kaje start` runs: the API once, the worker again whenever it dies. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The file that runs a command: of the source or of the build, as this one. */
export const MAIN = fileURLToPath(new URL(`./main${import.meta.url.slice(-3)}`, import.meta.url));
const RESTART_MS = 1000;

export interface ChildOptions {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** It ended, and nobody asked it to: with which exit code or signal. */
  ended(how: number | string): void;
  /** It ended after it had been ready, and is started again. Without this, such an end is final. */
  restarting?(how: number | string): void;
}

export interface Child {
  /** What it told when it was ready for the first time. */
  readonly ready: Promise<Record<string, unknown>>;
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>;
  /** Asks once more: whatever it still does ends at once. */
  hurry(): void;
}

export function startChild({ args, env, ended, restarting }: ChildOptions): Child {
  let child: ChildProcess;
  let isReady = false;
  let isStopping = false;
  let restart: NodeJS.Timeout | undefined;
  let tell: (message: Record<string, unknown>) => void;
  const ready = new Promise<Record<string, unknown>>((resolve) => (tell = resolve));

  const onExit = (code: number | null, signal: string | null) => {
    const how = code ?? signal ?? 'unknown';
    if (isStopping) return;
    if (!restarting || !isReady) return ended(how);
    restarting(how);
    restart = setTimeout(launch, RESTART_MS);
  };
  const launch = () => {
    child = run(args, env);
    child.once('message', (message: Record<string, unknown>) => {
      isReady = true;
      tell(message);
    });
    child.once('exit', onExit);
  };

  launch();
  return {
    ready,
    stop() {
      isStopping = true;
      clearTimeout(restart);
      return end(child);
    },
    hurry: () => void child.kill('SIGTERM'),
  };
}

/** In a process group of its own: Ctrl-C reaches this process only, which stops all in order. */
function run(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return fork(MAIN, args, { env, detached: true });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}
