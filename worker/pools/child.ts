/** A thread or a process that runs tasks, as its parent sees it: thread.ts and process.ts. */
import type { FromChild, ToChild } from './messages.ts';

export interface Child {
  /** @throws DataCloneError when the message cannot be copied */
  send(message: ToChild): void;
  /**
   * Ends it: at once if it listens, else by force a little later. Resolves when it is gone.
   * @param reason why its run is ended, if it runs one: first its `ctx.signal` is aborted with it
   */
  kill(reason?: unknown): Promise<void>;
  /** Megabytes that it holds now; 0 where that cannot be seen from outside. */
  memory(): Promise<number>;
}

export interface StartOptions {
  /** Megabytes that its JavaScript may take; 0 = as much as Node allows. */
  readonly maxMemory: number;
  onMessage(message: FromChild): void;
  /** It is gone, asked or not; `how` in words. */
  onEnd(how: string): void;
}

/** The file that runs inside a child: of the source or of the build, as this one. */
export const ENTRY = new URL(`./entry${import.meta.url.slice(-3)}`, import.meta.url);

/** What a child ran out of, in words. */
export function outOfMemory(maxMemory: number): string {
  return maxMemory > 0
    ? `out of memory (max_memory_per_child is ${maxMemory} MB)`
    : 'out of memory';
}
