/** A worker: its services started in order, stopped in reverse, within a deadline. */
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { atMost } from '../shared/atMost.ts';
import { parseBounds } from '../shared/autoscale.ts';
import type { Config } from '../shared/config.ts';
import type { Log } from '../shared/log.ts';
import { connectPatiently, disconnect } from '../shared/redis.ts';
import { redisTarget } from '../shared/redisTarget.ts';
import { type Registry, specOf } from '../shared/registry.ts';
import { VERSION } from '../shared/version.ts';
import { type Consumer, createConsumer } from './consumer.ts';
import { LONGEST_TIMER_MS, type Service } from './every.ts';
import { createFleet, type Fleet, type QueueChoice } from './fleet.ts';
import { createKeeper } from './keeper/keeper.ts';
import { SILENT_S } from './locks.ts';
import { createAnnouncement } from './services/announcement.ts';
import { createAutoscaler } from './services/autoscaler.ts';
import { createClusterEvents } from './services/clusterEvents.ts';
import { createControl } from './services/control.ts';
import { createHealth } from './services/health.ts';
import { createHeartbeat } from './services/heartbeat.ts';
import { createSweeper } from './services/sweeper.ts';
import { createTimekeeper } from './services/timekeeper.ts';
import { createTurns } from './services/turns.ts';
import { createWatchdog } from './services/watchdog.ts';
import { createTools } from './tools.ts';

export interface WorkerOptions {
  readonly config: Config;
  readonly registry: Registry;
  readonly queues: readonly QueueChoice[];
  /** Paths of the task modules, for tasks that run in threads and processes. Default: none */
  readonly modules?: readonly string[];
  /** Whether the process is the worker's alone: a thread then keeps its tasks while its loop is blocked. Default: no */
  readonly hasOwnProcess?: boolean;
  /** Default: `worker-<pid>@<host>` */
  readonly name?: string | undefined;
  readonly log: Log;
  /** Ends the process in order, when somebody says so from afar. Default: the worker stops */
  shutdown?(): void;
}

export interface RunningWorker {
  readonly name: string;
  readonly consumers: readonly Consumer[];
  /** Why it cannot take tasks now; undefined when it can. */
  unreadiness(): string | undefined;
  /**
   * Takes no more tasks, lets the running ones end within the grace, puts the rest back.
   * @param hurry once aborted, the rest of the grace is skipped
   */
  stop(hurry?: AbortSignal): Promise<void>;
}

/** Milliseconds that putting tasks back may take once the grace is over: Redis may be away. */
const PUT_BACK_MS = 3000;
/** Milliseconds that the first and the last heartbeat may take: a frozen Redis never answers. */
const BEAT_MS = 500;
const SERVICE_STOP_MS = 1000;
/** Starts a worker; waits for Redis as long as it takes. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, registry, log, queues, modules = [] } = options;
  const name = options.name ?? `worker-${process.pid}@${hostname()}`;
  const target = redisTarget(config);
  const redis = connectPatiently(target, log, SILENT_S);
  const subscriber = connectPatiently(target, quiet(log), SILENT_S);
  const tools = createTools({
    worker: name,
    registry,
    redis,
    config,
    modules,
    slots: () => fleet.queues().reduce((sum, { concurrency }) => sum + concurrency, 0),
    log,
  });
  const { keys, clock, limits, patience, pools, pulse, sender, stalls, teller, tokens } = tools;
  const turns = createTurns({ redis, keys, registry, limits, log });
  const bounds = parseBounds(config.autoscale);
  const fleet: Fleet = createFleet({
    queues,
    concurrency: bounds?.min ?? config.concurrency,
    create: (queue, concurrency) => createConsumer({ queue, concurrency, tools }),
    // Whoever changed something looks at once whether it is so.
    changed() {
      keeper.update();
      heartbeat.beat().catch(() => undefined);
    },
  });
  const autoscaler = createAutoscaler({ redis, keys, fleet, bounds, log });
  const { consumers } = fleet;
  let isStopping = false;
  let isReady = false;
  const unreadiness = () => {
    if (isStopping) return 'stopping';
    if (!isReady) return 'starting';
    return redis.status === 'ready' ? undefined : 'Redis is unreachable';
  };
  const heartbeat = createHeartbeat({
    worker: name,
    version: VERSION,
    redis,
    keys,
    clock,
    registry,
    fleet,
    log,
    isStopping: () => isStopping,
  });
  const watchdog = createWatchdog({ redis, keys, consumers: fleet.taking, log });
  const queueNames = () => fleet.queues().map((queue) => queue.name);
  const keeper = createKeeper({
    config,
    worker: name,
    tokens,
    names: [...registry.keys()],
    cells: pulse.cells,
    queues: queueNames,
    log,
  });
  const announcement = createAnnouncement({
    redis,
    keys,
    registry,
    resultExpires: config.resultExpires,
    log,
    queues: queueNames,
  });
  const control = createControl({
    worker: name,
    config,
    registry,
    redis,
    subscriber,
    keys,
    fleet,
    autoscaler,
    loopLagMs: heartbeat.loopLagMs,
    children: pools.stats,
    announce: announcement.announce,
    refreshLimits: () => limits.refresh().then(turns.tend),
    shutdown: options.shutdown ?? (() => void stop()),
  });
  const services: Service[] = [
    ...(options.hasOwnProcess ? [keeper] : []),
    // Before all that may wait for Redis: without its ticks the keeper takes the loop for blocked.
    stalls,
    createHealth({ host: config.healthHost, port: config.healthPort, log, unreadiness }),
    createTimekeeper(clock, redis, log),
    announcement,
    limits,
    pools,
    sender,
    turns,
    { name: 'consumers', start: fleet.start, stop: () => undefined },
    control,
    // Its goodbye comes behind the last heartbeat, or that would look like a return.
    createClusterEvents({ teller, worker: name, redis, subscriber, keys, clock, log }),
    heartbeat,
    createSweeper({ redis, keys, config, log }),
    watchdog,
    autoscaler,
  ];

  const stop = async (hurry?: AbortSignal): Promise<void> => {
    isStopping = true;
    // A worker that drains leaves tasks waiting on purpose: that is no fetch loop that hangs.
    await Promise.all([watchdog.stop(), autoscaler.stop()]);
    await atMost(BEAT_MS, heartbeat.beat());
    await drain(fleet, config.grace * 1000, hurry, log);
    await close();
  };
  const started: Service[] = [];
  const close = async (): Promise<void> => {
    for (const service of started.toReversed()) {
      await atMost(SERVICE_STOP_MS, Promise.resolve(service.stop()));
    }
    await Promise.all([disconnect(redis), disconnect(subscriber)]);
  };

  try {
    for (const service of services) {
      // Before its start, which may fail half-way.
      started.push(service);
      // A Redis that takes no writes is waited for, as one that is away.
      await patience.untilTaken('start', async () => service.start());
    }
  } catch (error) {
    // Whoever goes on without this worker is left without its port, connections and threads as well.
    await drain(fleet, 0, AbortSignal.abort(), log);
    await close();
    throw error;
  }
  // Whoever is told that the worker is ready finds it among those that are alive.
  await atMost(BEAT_MS, heartbeat.beat());
  isReady = true;
  const tasks = [...registry.keys()].sort().join(', ');
  const served = consumers.map((each) => `${each.queue}:${each.concurrency}`).join(', ');
  log.info({ worker: name, queues: served, tasks }, 'worker is ready');
  warnOfSurprises(registry, queues, log);
  return { name, consumers, unreadiness, stop };
}

/** The outages of a second connection are those of the first one, which tells them. */
function quiet(log: Log): Log {
  return log.child({ connection: 'commands' }, { level: 'silent' });
}

/** What would otherwise be found out by tasks that wait for ever, or fail one by one. */
function warnOfSurprises(registry: Registry, queues: readonly QueueChoice[], log: Log): void {
  const specs = [...registry.values()].map(specOf);
  const served = new Set(queues.map((queue) => queue.name));
  const missed = new Set(specs.map(({ options }) => options.queue).filter((q) => !served.has(q)));
  for (const queue of missed) {
    const names = specs.filter(({ options }) => options.queue === queue).map(({ name }) => name);
    log.warn(
      { queue, tasks: names.join(', ') },
      'this worker does not consume the queue of tasks that it has; add it to --queues',
    );
  }
  for (const { name, validates, input } of specs) {
    if (validates && input === null) {
      log.warn(
        { task_name: name },
        'the input has no JSON Schema: requests are checked by the worker only',
      );
    }
  }
}

/** Lets running tasks end within the grace, then has the rest put back. */
async function drain(
  fleet: Fleet,
  graceMs: number,
  hurry: AbortSignal | undefined,
  log: Log,
): Promise<void> {
  const active = fleet.active();
  if (active > 0) {
    log.info({ active, grace_s: graceMs / 1000 }, 'worker is stopping; running tasks may end');
  }
  const deadline = new AbortController();
  const enough = deadline.signal;
  // One listener for each queue.
  setMaxListeners(0, enough);
  const end = () => deadline.abort();
  // Not AbortSignal.timeout: inside AbortSignal.any it may be collected, and then never fires.
  const timer = setTimeout(end, Math.min(graceMs, LONGEST_TIMER_MS));
  hurry?.addEventListener('abort', end);
  // With nothing to wait for, a Redis that is away must not hold up the stop.
  if (hurry?.aborted || active === 0) end();
  const drained = fleet.stop(enough);
  const tooLate = new Promise((resolve) => {
    enough.addEventListener('abort', () => setTimeout(resolve, PUT_BACK_MS, 'late'));
    if (enough.aborted) setTimeout(resolve, PUT_BACK_MS, 'late');
  });
  if ((await Promise.race([drained, tooLate])) === 'late' && active > 0) {
    log.error(
      'Redis did not take the running tasks back; other workers take them over within 10 s',
    );
  }
  clearTimeout(timer);
}
