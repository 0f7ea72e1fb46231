/** Tells the cluster every two seconds that this worker lives, and what it does. */
import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import { HEARTBEAT_TTL_MS } from '../../shared/brokers/cluster.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import type { WorkerBody } from '../../shared/protocol.ts';
import type { Registry } from '../../shared/registry.ts';
import type { Consumer } from '../consumer.ts';
import { every, type Service } from '../every.ts';

export interface HeartbeatOptions {
  readonly worker: string;
  readonly version: string;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly registry: Registry;
  readonly consumers: readonly Consumer[];
  readonly log: Log;
  isStopping(): boolean;
}

const BEAT_MS = 2000;
/** How long a dead worker is remembered in the set of workers. */
const FORGET_MS = 60_000;

export function createHeartbeat(options: HeartbeatOptions): Service & { beat(): Promise<void> } {
  const { redis, keys, worker } = options;
  const startedAt = new Date().toISOString();
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();

  const beat = async (): Promise<void> => {
    // Beats of an outage would pile up in the connection and all arrive at its end.
    if (redis.status !== 'ready') return;
    const now = Date.now();
    const body = {
      ...describe(options),
      started_at: startedAt,
      heartbeat_at: new Date(now).toISOString(),
    };
    const loopLag = Math.max(0, Math.round(lag.max / 1e6) - 20);
    lag.reset();
    await redis
      .multi()
      .set(
        keys.worker(worker),
        JSON.stringify({ ...body, loop_lag_ms: loopLag }),
        'PX',
        HEARTBEAT_TTL_MS,
      )
      .zadd(keys.workers, now, worker)
      .zremrangebyscore(keys.workers, '-inf', now - FORGET_MS)
      .exec();
  };
  const loop = every('heartbeat', BEAT_MS, beat, options.log);
  const beatOfTwin = async (): Promise<WorkerBody | undefined> => {
    const json = await redis.get(keys.worker(worker));
    const beat: WorkerBody | undefined = json === null ? undefined : JSON.parse(json);
    const isMine = beat?.pid === process.pid && beat.hostname === hostname();
    return isMine ? undefined : beat;
  };
  const warnOfTwin = async (): Promise<void> => {
    const beat = await beatOfTwin();
    if (!beat) return;
    const twin = { worker, hostname: beat.hostname, pid: beat.pid };
    options.log.warn(
      twin,
      'another worker of this name is alive or was killed just now; give each its own --name',
    );
  };
  return {
    ...loop,
    beat,
    async start() {
      await warnOfTwin();
      await loop.start();
    },
    async stop() {
      await loop.stop();
      lag.disable();
      if (redis.status === 'ready' && !(await beatOfTwin())) {
        await redis.multi().del(keys.worker(worker)).zrem(keys.workers, worker).exec();
      }
    },
  };
}

function describe(
  options: HeartbeatOptions,
): Omit<WorkerBody, 'started_at' | 'heartbeat_at' | 'loop_lag_ms'> {
  const { consumers, registry, worker, version } = options;
  const sum = (pick: (consumer: Consumer) => number) =>
    consumers.reduce((total, consumer) => total + pick(consumer), 0);
  return {
    id: worker,
    hostname: hostname(),
    pid: process.pid,
    version,
    queues: consumers.map(({ queue: name, concurrency }) => ({ name, concurrency })),
    tasks: [...registry.keys()].sort(),
    active: sum(({ active }) => active),
    succeeded: sum(({ totals }) => totals.succeeded),
    failed: sum(({ totals }) => totals.failed),
    retried: sum(({ totals }) => totals.retried),
    memory_mb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    stopping: options.isStopping(),
  };
}
