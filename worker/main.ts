/** The worker process: settings, tasks, worker, signals. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../shared/config.ts';
import { createLog } from '../shared/log.ts';
import { specOf } from '../shared/registry.ts';
import { endOnUncaught, stopOnSignals, tellOfExit } from '../shared/signals.ts';
import type { QueueChoice } from './fleet.ts';
import { loadTasks } from './load.ts';
import { connectSupervisor } from './supervised.ts';
import { type RunningWorker, startWorker } from './worker.ts';

/** Milliseconds in which a worker is there once Redis is. */
const STARTING_MS = 1000;

/** Names in one line. */
const NAMES_MAX = 20;

export interface WorkerArguments {
  /** Files, folders and globs of task modules. */
  readonly tasks: readonly string[];
  readonly queues: readonly QueueChoice[];
  readonly name?: string | undefined;
  /** Whether it is one of several processes below a supervisor. Default: no */
  readonly isSupervised?: boolean;
}

/**
 * Runs a worker until a signal ends it.
 * @throws DefinitionError when its tasks cannot be loaded
 */
export async function runWorker(
  config: Config,
  { tasks, queues, name, isSupervised = false }: WorkerArguments,
): Promise<void> {
  const log = createLog(config, 'worker');
  // Before anything of the tasks runs: the supervisor may be gone when they are loaded.
  const supervisor = isSupervised ? connectSupervisor(config.grace * 1000) : undefined;
  const registry = await loadTasks(tasks, (modules) =>
    log.info(
      { modules: modules.slice(0, NAMES_MAX), count: modules.length },
      'modules without a task',
    ),
  );
  const shutdown = () => stop('shutdown');
  const starting = startWorker({
    config,
    registry,
    queues,
    modules: tasks,
    hasOwnProcess: true,
    name,
    log,
    shutdown,
  });
  const stop = stopOnSignals(
    async (hurry) => {
      supervisor?.leaving();
      // One that is still not there waits for Redis: it holds no task, there is nothing to stop.
      const worker = await Promise.race([starting, sleep(STARTING_MS, undefined)]);
      await worker?.stop(hurry);
    },
    log,
    supervisor,
  );
  const worker = await starting;
  const circumstances = () => ({ tasks: onMainLoop(worker) });
  endOnUncaught(log, circumstances);
  tellOfExit(log, circumstances);
  supervisor?.report(worker.unreadiness);
  // `kaje start` and the supervisor wait for it; one that is gone is noticed otherwise.
  const message = { tasks: [...registry.values()].map(specOf) };
  process.send?.(message, undefined, undefined, () => undefined);
}

/** Ids of the tasks that run on the main loop: one of them, or of those before, has ended the worker. */
function onMainLoop({ consumers }: RunningWorker): string[] {
  const running = consumers.flatMap((consumer) => consumer.running());
  const here = running.filter(({ runIn }) => runIn === 'main').reverse();
  return here.slice(0, NAMES_MAX).map(({ message }) => `${message.name} ${message.id}`);
}
