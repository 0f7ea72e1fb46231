/**
 * Ends this process when its parent is gone, also in the middle of a busy loop: who was killed must
 * not leave children behind that compute for ever. A thread looks, for the main loop may never come
 * back to hear that the connection to the parent has ended.
 */
import { Worker } from 'node:worker_threads';

const LOOK_MS = 1000;

const GUARD = `
const { parent, withinMs } = require('node:worker_threads').workerData;
const timer = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(timer);
  setTimeout(() => {
    // Programs that its tasks have started, where it leads a group of its own; then itself.
    try { process.kill(-process.pid, 'SIGKILL'); } catch {}
    process.kill(process.pid, 'SIGKILL');
  }, withinMs);
}, ${LOOK_MS});
`;

/** Megabytes: the guard needs next to nothing. */
const LIMITS = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 };

/** @param withinMs milliseconds in which it may end by itself. Default: 0 */
export function endWithParent(withinMs = 0): void {
  // Read here: by the time the thread runs, the parent may be gone already.
  const parent = process.ppid;
  const workerData = { parent, withinMs };
  const options = { eval: true, workerData, resourceLimits: LIMITS, execArgv: [], env: {} };
  const guard = new Worker(GUARD, options);
  // A process whose guard could not be had is guarded by the end of its connection all the same.
  guard.on('error', () => undefined);
  guard.unref();
}
