/** A process that is told to end while it starts: it holds nothing yet, and ends at once. */

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/**
 * To be called before anything slow is imported: to process 1 of a container the kernel does not even
 * deliver a signal for which there is no handler, and the whole grace of the orchestrator would pass.
 */
export function endOnSignals(): void {
  for (const signal of SIGNALS) process.on(signal, end);
}

/** From here on somebody else sees to the end. */
export function endInOrder(): void {
  for (const signal of SIGNALS) process.off(signal, end);
}

function end(): void {
  process.exit(0);
}
