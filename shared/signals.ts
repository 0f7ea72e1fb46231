/** How a process ends: the first signal in order, the second at once. */
import type { Log } from './log.ts';

/**
 * Runs `stop` at SIGTERM, SIGINT, SIGHUP or when a parent that talks over IPC is gone, then exits.
 * @param stop gets a signal that is aborted by a second TERM or INT
 * @returns does what the first signal does; nothing if the process stops already
 */
export function stopOnSignals(
  stop: (hurry: AbortSignal) => Promise<void>,
  log: Log,
): (reason: string) => void {
  const hurry = new AbortController();
  let isStopping = false;
  const onSignal = async (signal: string): Promise<void> => {
    if (isStopping) return hurry.abort();
    isStopping = true;
    log.info({ signal }, 'stopping');
    try {
      await stop(hurry.signal);
      process.exit(0);
    } catch (error) {
      log.error({ err: error }, 'the stop failed');
      process.exit(1);
    }
  };
  // A promise that some task or library has let go must not take all other tasks with it.
  process.on('unhandledRejection', (reason) =>
    log.error({ err: reason }, 'a rejection was not handled'),
  );
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  // Its terminal was closed.
  process.on('SIGHUP', onSignal);
  if (process.connected) process.on('disconnect', () => void onSignal('disconnect'));
  return (reason) => {
    if (!isStopping) void onSignal(reason);
  };
}
