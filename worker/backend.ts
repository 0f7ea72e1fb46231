/** BullMQ's own scripts for one queue, as a worker uses them; its Worker class is not used (docs/decisions/011-batching.md). */
import { createRedisBackend, type WorkerOptions } from 'bullmq';
import { LOCK_MS, STALLED_CHECK_MS } from './locks.ts';
import type { Tools } from './tools.ts';

export type Backend = ReturnType<typeof createRedisBackend>;

/** A task that has cost two workers their life is given to a third one, and no more. */
const LOSSES_FORGIVEN = 2;
/** Old results removed with each task that ends; the sweeper takes the rest. */
const EVICT_AT_ONCE = 100;

/** How long results are kept: seconds, and how many of each queue. */
export function retentionOf({ config }: Tools) {
  return { age: config.resultExpires, count: config.resultsMax, limit: EVICT_AT_ONCE };
}

/** With a connection of its own to wait for tasks. */
export function createBackend(queue: string, tools: Tools): Backend {
  const { redis, config, worker } = tools;
  const retention = retentionOf(tools);
  const opts: WorkerOptions = {
    connection: redis,
    prefix: config.prefix,
    name: worker,
    lockDuration: LOCK_MS,
    stalledInterval: STALLED_CHECK_MS,
    maxStalledCount: LOSSES_FORGIVEN,
    removeOnComplete: retention,
    removeOnFail: retention,
  };
  const backend = createRedisBackend(queue, opts, { withBlockingConnection: true });
  // Outages are logged by the connection, once.
  backend.on('error', () => undefined);
  return backend;
}
