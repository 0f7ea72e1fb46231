/** Tells the cluster every two seconds that this worker lives, and what it does. */
import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import type { RedisClock } from '../../shared/brokers/clock.ts';
import { HEARTBEAT_TTL_MS } from '../../shared/brokers/cluster.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Log } from '../../shared/log.ts';
import type { Registry } from '../../shared/registry.ts';
import type { WorkerBody } from '../../shared/schemas.ts';
import { storeBeat } from '../../shared/scripts.ts';
import { every, type Service } from '../every.ts';
import type { Fleet } from '../fleet.ts';

export interface HeartbeatOptions {
  readonly worker: string;
  readonly version: string;
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Pick<RedisClock, 'now' | 'aheadMs'>;
  readonly registry: Registry;
  readonly fleet: Pick<Fleet, 'queues' | 'active' | 'totals'>;
  readonly log: Log;
  isStopping(): boolean;
}

const BEAT_MS = 2000;
/** How long a dead worker is remembered in the set of workers. */
const FORGET_MS = 60_000;

export interface Heartbeat extends Service {
  /** Tells how things stand now. */
  beat(): Promise<void>;
  /** Longest stall of the event loop since the last beat, or before it, milliseconds. */
  loopLagMs(): number;
}

export function createHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { redis, keys, worker, clock } = options;
  const time = () => new Date(clock.now()).toISOString();
  let startedAt = '';
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  let lagBefore = 0;
  const lagNow = () => Math.max(0, Math.round(lag.max / 1e6) - 20);

  const beat = async (): Promise<void> => {
    // Beats of an outage would pile up in the connection and all arrive at its end.
    if (redis.status !== 'ready') return;
    lagBefore = lagNow();
    lag.reset();
    startedAt ||= time();
    const body: WorkerBody = {
      ...describe(options),
      started_at: startedAt,
      heartbeat_at: time(),
      clock_ahead_ms: clock.aheadMs(),
      loop_lag_ms: lagBefore,
    };
    const json = JSON.stringify(body);
    await storeBeat(redis, keys, { worker, json, ttlMs: HEARTBEAT_TTL_MS, forgetMs: FORGET_MS });
  };
  const loop = every('heartbeat', BEAT_MS, beat, options.log);
  const beatOfTwin = async (): Promise<WorkerBody | undefined> => {
    const json = await redis.get(keys.worker(worker));
    const beat: WorkerBody | undefined = json === null ? undefined : JSON.parse(json);
    return beat && (beat.hostname !== hostname() || isOther(beat.pid)) ? beat : undefined;
  };
  const warnOfTwin = async (): Promise<void> => {
    const beat = await beatOfTwin();
    if (!beat) return;
    options.log.warn(
      // By other names than those of this process, which each line has already.
      { worker, other_host: beat.hostname, other_pid: beat.pid },
      'another worker of this name is alive, or was a moment ago; give each its own --name',
    );
  };
  return {
    ...loop,
    beat,
    loopLagMs: () => Math.max(lagBefore, lagNow()),
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
): Omit<WorkerBody, 'started_at' | 'heartbeat_at' | 'clock_ahead_ms' | 'loop_lag_ms'> {
  const { fleet, registry, worker, version } = options;
  const { succeeded, failed, retried } = fleet.totals();
  return {
    id: worker,
    hostname: hostname(),
    pid: process.pid,
    version,
    queues: fleet.queues(),
    tasks: [...registry.keys()].sort(),
    active: fleet.active(),
    succeeded,
    failed,
    retried,
    memory_mb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    stopping: options.isStopping(),
  };
}

/** Another process of this machine; one that was killed leaves its last beat behind. */
function isOther(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
