/** Starts the thread that keeps a worker's tasks while its main loop is blocked; see thread.ts. */
import { Worker } from 'node:worker_threads';
import type { Config } from '../../shared/config.ts';
import { formatOf, type Log } from '../../shared/log.ts';
import type { Service } from '../every.ts';

export interface KeeperOptions {
  readonly config: Config;
  readonly worker: string;
  /** First part of the tokens of all slots of the worker. */
  readonly tokens: string;
  readonly names: readonly string[];
  readonly cells: SharedArrayBuffer;
  /** Those whose tasks the worker may hold now. */
  queues(): readonly string[];
  readonly log: Log;
}

/** What the thread gets. */
export type KeeperData = Omit<KeeperOptions, 'queues' | 'log'>;

export interface Keeper extends Service {
  /** The queues are others now. */
  update(): void;
}

const THREAD = import.meta.url.endsWith('.ts') ? './threadFromSource.mjs' : './thread.js';
/** Megabytes of JavaScript: it holds a connection and a logger. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };

export function createKeeper({ queues, log, ...rest }: KeeperOptions): Keeper {
  let thread: Worker | undefined;
  const update = () => thread?.postMessage(queues());
  return {
    name: 'keeper',
    update,
    start() {
      // The thread sees no terminal.
      const config = { ...rest.config, logFormat: formatOf(rest.config.logFormat) };
      const workerData: KeeperData = { ...rest, config };
      thread = new Worker(new URL(THREAD, import.meta.url), {
        name: 'kaje keeper',
        workerData,
        resourceLimits: LIMITS,
      });
      thread.on('error', (err) =>
        log.error({ err }, 'the keeper is gone; tasks that block the event loop may be lost'),
      );
      thread.unref();
      update();
    },
    async stop() {
      await thread?.terminate();
    },
  };
}
