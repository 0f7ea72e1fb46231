/** Signals that follow other signals, and leaving by one. */

/**
 * A signal that is aborted with the first of some others; `unlink` lets go of them.
 * Not AbortSignal.any: on Node 20 it forgets a timeout that nobody else holds, and a source as
 * long-lived as a process keeps every signal made of it.
 */
export function linked(...sources: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  unlink(): void;
} {
  const follower = new AbortController();
  const stops = sources.map((source) => {
    const follow = () => follower.abort(source?.reason);
    if (source?.aborted) follow();
    source?.addEventListener('abort', follow);
    return () => source?.removeEventListener('abort', follow);
  });
  const unlink = (): void => {
    for (const stop of stops) stop();
  };
  return { signal: follower.signal, unlink };
}

/** Calls `leave` when it is time to; what it returns makes it forget that. Never calls at once. */
export type Leaving = (leave: () => void) => () => void;

export function whenAborted(signal: AbortSignal): Leaving {
  return (leave) => {
    if (signal.aborted) process.nextTick(leave);
    else signal.addEventListener('abort', leave);
    return () => signal.removeEventListener('abort', leave);
  };
}
