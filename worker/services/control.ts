/** What a worker does when it is asked or told something: every command on one screen. */
import { setImmediate as soon } from 'node:timers';
import type { Redis } from 'ioredis';
import type { Config } from '../../shared/config.ts';
import { type CommandArgs, listenToCommands } from '../../shared/control.ts';
import { InvalidRequestError, KajeError } from '../../shared/errors.ts';
import type { InspectAnswers, InspectCommand, WorkerStats } from '../../shared/inspection.ts';
import type { Keys } from '../../shared/keys.ts';
import type { ControlCommand } from '../../shared/operate.ts';
import type { Registry } from '../../shared/registry.ts';
import { type ControlRequest, SCHEMAS } from '../../shared/schemas.ts';
import { check } from '../../shared/validation.ts';
import { VERSION } from '../../shared/version.ts';
import type { Service } from '../every.ts';
import type { Fleet } from '../fleet.ts';
import {
  describeActive,
  describeConfig,
  describeProcess,
  readRegistered,
  readScheduled,
} from '../inspection.ts';
import type { Autoscaler } from './autoscaler.ts';

export interface ControlOptions {
  readonly worker: string;
  readonly config: Config;
  readonly registry: Registry;
  readonly redis: Redis;
  /** The worker's connection for pub/sub. */
  readonly subscriber: Redis;
  readonly keys: Keys;
  readonly fleet: Fleet;
  readonly autoscaler: Autoscaler;
  /** Longest stall of the event loop since the last heartbeat, milliseconds. */
  loopLagMs(): number;
  /** Children of the pools: threads and processes. */
  children(): WorkerStats['children'];
  /** Names a queue, so that tasks in it can be found. */
  announce(queue: string): Promise<unknown>;
  /** Limits were changed for all workers. */
  refreshLimits(): Promise<unknown>;
  /** Stops the process in order, as the first SIGTERM does. */
  shutdown(): void;
}

interface Self extends ControlOptions {
  /** Ids that this worker was told to revoke, the last 1,000. */
  readonly revoked: Set<string>;
}

type Command = (self: Self, args: ControlRequest) => unknown;

/** Questions, which change nothing. */
const ASKED: {
  readonly [Name in InspectCommand]: (
    self: Self,
  ) => InspectAnswers[Name] | Promise<InspectAnswers[Name]>;
} = {
  ping: () => 'pong',
  active: ({ fleet, worker }) => describeActive(fleet, worker),
  // Tasks are taken when they can run, none ahead.
  reserved: () => [],
  scheduled: ({ redis, keys, fleet }) => readScheduled(redis, keys, fleet),
  revoked: ({ revoked }) => [...revoked],
  registered: ({ redis, keys, registry, config }) =>
    readRegistered(redis, keys, { registry, config }),
  stats,
  conf: ({ config }) => describeConfig(config),
};

/** What the worker is told; each answers how the queues stand then. */
const TOLD: Readonly<Record<ControlCommand, Command>> = {
  ping: () => 'pong',
  shutdown,
  pool_grow: (self, { n = 1, queue }) => resize(self, n, queue),
  pool_shrink: (self, { n = 1, queue }) => resize(self, -n, queue),
  autoscale,
  add_consumer: addConsumer,
  cancel_consumer: cancelConsumer,
};

/** What is told to all workers, without an answer. */
const HEARD: Readonly<Record<string, (self: Self, args: CommandArgs) => unknown>> = {
  revoke,
  limits: ({ refreshLimits }) => refreshLimits(),
};

/** Milliseconds between two signs of life on a connection that else only listens. */
const LISTEN_CHECK_MS = 10_000;

export function createControl(options: ControlOptions): Service {
  const { redis, subscriber, keys, worker } = options;
  const self: Self = { ...options, revoked: new Set() };
  let timer: NodeJS.Timeout | undefined;
  // A half-open connection is noticed by an answer that does not come: then it is made anew.
  const checkHearing = () => {
    if (subscriber.status === 'ready') subscriber.ping().catch(() => undefined);
  };
  return {
    name: 'control',
    async start() {
      const handle = (command: string, args: CommandArgs) => obey(self, command, args);
      await listenToCommands({ redis, subscriber, keys, worker, handle });
      timer = setInterval(checkHearing, LISTEN_CHECK_MS);
    },
    stop() {
      clearInterval(timer);
    },
  };
}

function obey(self: Self, command: string, args: CommandArgs): unknown {
  if (Object.hasOwn(HEARD, command)) return HEARD[command]?.(self, args);
  const known: Readonly<Record<string, Command>> = { ...ASKED, ...TOLD };
  const act = Object.hasOwn(known, command) ? known[command] : undefined;
  if (!act) throw new KajeError('COMMAND_REFUSED', `it does not know the command "${command}"`);
  const errors = check(SCHEMAS.Control, args);
  if (errors.length > 0) throw new InvalidRequestError(errors);
  return act(self, args);
}

function stats({ fleet, autoscaler, loopLagMs, children }: Self): WorkerStats {
  const queues = fleet.taking.map(({ queue, concurrency, active, totals }) => {
    const bounds = autoscaler.boundsOf(queue) ?? null;
    return { name: queue, concurrency, active, totals: { ...totals }, autoscale: bounds };
  });
  return {
    ...describeProcess(),
    version: VERSION,
    active: fleet.active(),
    totals: fleet.totals(),
    queues,
    loop_lag_ms: loopLagMs(),
    children: children(),
  };
}

function shutdown({ shutdown: stop }: Self): string {
  // Behind the answer.
  soon(stop);
  return 'stopping';
}

function resize(self: Self, change: number, queue: string | undefined): object {
  const { fleet, autoscaler } = self;
  const scaled = fleet.taking.find(
    (each) => (queue ?? each.queue) === each.queue && autoscaler.boundsOf(each.queue),
  );
  if (scaled) {
    const advice = 'change its bounds by autoscale, or turn them off by autoscale with max 0';
    throw new KajeError('COMMAND_REFUSED', `queue "${scaled.queue}" is autoscaled; ${advice}`);
  }
  fleet.resize(change, queue);
  return queuesOf(self);
}

function autoscale(self: Self, { min = 1, max, queue }: ControlRequest): object {
  if (max === undefined) throw missing('max', 'autoscale');
  if (queue !== undefined) self.fleet.of(queue);
  self.autoscaler.set(max === 0 ? undefined : { min: Math.min(min, max), max }, queue);
  return queuesOf(self);
}

async function addConsumer(self: Self, args: ControlRequest): Promise<object> {
  const queue = queueIn(args, 'add_consumer');
  self.fleet.add(queue, args.concurrency);
  await self.announce(queue);
  return queuesOf(self);
}

function cancelConsumer(self: Self, args: ControlRequest): object {
  self.fleet.cancel(queueIn(args, 'cancel_consumer'));
  return queuesOf(self);
}

function queueIn({ queue }: ControlRequest, command: ControlCommand): string {
  if (queue === undefined) throw missing('queue', command);
  return queue;
}

/** As operate.ts says it, where commands are checked first; but anybody may publish one. */
function missing(name: keyof ControlRequest, command: ControlCommand): InvalidRequestError {
  return new InvalidRequestError([{ path: `/${name}`, message: `is required by ${command}` }]);
}

function queuesOf({ fleet, autoscaler }: Self): object {
  const queues = fleet.taking.map(({ queue, concurrency }) => ({
    name: queue,
    concurrency,
    autoscale: autoscaler.boundsOf(queue) ?? null,
  }));
  return { queues };
}

const REVOKED_KEPT = 1000;

function revoke({ fleet, revoked }: Self, { ids, terminate }: CommandArgs): void {
  if (!Array.isArray(ids)) return;
  const texts = ids.filter((id) => typeof id === 'string');
  for (const consumer of fleet.consumers) consumer.revoke(texts, terminate === true);
  for (const id of texts.slice(-REVOKED_KEPT)) {
    // Told again, it is the latest.
    revoked.delete(id);
    revoked.add(id);
  }
  const tooMany = [...revoked].slice(0, Math.max(0, revoked.size - REVOKED_KEPT));
  for (const id of tooMany) revoked.delete(id);
}
