/** BullMQ's own scripts for one queue, as a worker uses them; its Worker class is not used (docs/decisions/011-batching.md). */
import { createRedisBackend, type WorkerOptions } from 'bullmq';
import { LOCK_MS, STALLED_CHECK_MS } from './locks.ts';
import { LOSSES_MAX } from './losses.ts';
import { retentionOf } from './retention.ts';
import type { Tools } from './tools.ts';

export type Backend = ReturnType<typeof createRedisBackend>;

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
    maxStalledCount: LOSSES_MAX - 1,
    removeOnComplete: retention,
    removeOnFail: retention,
  };
  const backend = createRedisBackend(queue, opts, { withBlockingConnection: true });
  // Outages are logged by the connection, once.
  backend.on('error', () => undefined);
  return backend;
}
