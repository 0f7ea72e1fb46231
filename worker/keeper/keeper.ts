/** Starts the thread that keeps a worker's tasks while its main loop is blocked; see thread.ts. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Config } from '../../shared/config.ts';
import { formatOf, type Log } from '../../shared/log.ts';
import { every, type Service } from '../every.ts';

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
/** Megabytes of JavaScript: once the loop stands still it holds a connection and a logger. */
const LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 4 };
/** Milliseconds until another one follows a thread that has died. */
const AGAIN_MS = 1000;

export function createKeeper({ queues, log, ...rest }: KeeperOptions): Keeper {
  let thread: Worker | undefined;
  const update = () => thread?.postMessage(queues());
  /** From the start of a thread to its end. */
  const live = async (): Promise<void> => {
    // The thread sees no terminal.
    const config = { ...rest.config, logFormat: formatOf(rest.config.logFormat) };
    const workerData: KeeperData = { ...rest, config };
    thread = new Worker(new URL(THREAD, import.meta.url), {
      name: 'kaje keeper',
      workerData,
      resourceLimits: LIMITS,
    });
    thread.unref();
    update();
    await once(thread, 'exit').catch((cause: unknown) => {
      throw new Error('the thread that keeps the tasks of a blocked event loop has died', {
        cause,
      });
    });
  };
  const loop = every('keeper', AGAIN_MS, live, log);
  return {
    ...loop,
    update,
    async stop() {
      await Promise.all([loop.stop(), thread?.terminate()]);
    },
  };
}
