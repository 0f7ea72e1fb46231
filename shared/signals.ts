/** How a process ends: the first signal in order, the second at once. */
import type { Log } from './log.ts';
import { endInOrder } from './startSignals.ts';

/** Who started this process, gets the signals that are meant for both, and says what follows. */
export interface Supervisor {
  onHurry(hurry: () => void): void;
}

/**
 * Runs `stop` at SIGTERM, SIGINT, SIGHUP or when a parent that talks over IPC is gone, then exits.
 * @param stop gets a signal that is aborted by a second TERM or INT
 * @param supervisor if there is one, only its word aborts that signal: Ctrl-C and service managers
 *   reach whole groups of processes, and it passes on what it gets
 * @returns does what the first signal does; nothing if the process stops already
 */
export function stopOnSignals(
  stop: (hurry: AbortSignal) => Promise<void>,
  log: Log,
  supervisor?: Supervisor,
): (reason: string) => void {
  const hurry = new AbortController();
  let isStopping = false;
  const onSignal = async (signal: string): Promise<void> => {
    if (isStopping) return supervisor ? undefined : hurry.abort();
    isStopping = true;
    log.info({ signal }, 'stopping');
    try {
      await stop(hurry.signal);
      exit(0);
    } catch (error) {
      log.error({ err: error }, 'the stop failed');
      exit(1);
    }
  };
  // A promise that some task or library has let go must not take all other tasks with it.
  process.on('unhandledRejection', (reason) =>
    log.error({ err: reason }, 'a rejection was not handled'),
  );
  endInOrder();
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Its terminal was closed.
  process.on('SIGHUP', onSignal);
  if (process.connected) process.on('disconnect', () => void onSignal('disconnect'));
  // It was gone before anybody listened.
  else if (supervisor) void onSignal('disconnect');
  supervisor?.onHurry(() => hurry.abort());
  return (reason) => {
    if (!isStopping) void onSignal(reason);
  };
}

/** Of this process: whether it was Kaje that ended it. */
let isOurs = false;

function exit(code: number): void {
  isOurs = true;
  process.exit(code);
}

/**
 * Ends the process at an error that nobody caught, as Node does, but says so in the log and in its format.
 * @param circumstances more fields of that line
 */
export function endOnUncaught(log: Log, circumstances: () => object = () => ({})): void {
  process.on('uncaughtException', (err) => {
    log.fatal({ err, ...circumstances() }, 'an error that nobody caught ends the process');
    exit(1);
  });
}

/**
 * Says that somebody else has called process.exit(), a task or its library: that leaves no error.
 * @param circumstances more fields of that line
 */
export function tellOfExit(log: Log, circumstances: () => object): void {
  process.on('exit', (code) => {
    if (!isOurs) log.fatal({ code, ...circumstances() }, 'process.exit() ends the process');
  });
}
