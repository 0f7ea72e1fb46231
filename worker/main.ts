/** The worker process: settings, tasks, worker, signals. */
import type { Config } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import { stopOnSignals } from '../shared/signals.ts';
import { loadTasks } from './load.ts';
import { type QueueChoice, type RunningWorker, startWorker } from './worker.ts';

export interface WorkerArguments {
  /** Files, folders and globs of task modules. */
  readonly tasks: readonly string[];
  readonly queues: readonly QueueChoice[];
  readonly name?: string | undefined;
}

/**
 * Runs a worker until a signal ends it.
 * @throws DefinitionError when its tasks cannot be loaded
 */
export async function runWorker(
  config: Config,
  { tasks, queues, name }: WorkerArguments,
): Promise<void> {
  const log = createLog(config, 'worker');
  const registry = await loadTasks(tasks);
  let worker: RunningWorker | undefined;
  // A worker that still waits for Redis holds no task: nothing to stop.
  stopOnSignals(async (hurry) => worker?.stop(hurry), log);
  worker = await startWorker({ config, registry, queues, name, log });
  // `kaje start` waits for it.
  process.send?.('ready');
}
