/** What the cluster tells of itself, and how it is told: registry, queues, workers, events. */
import {
  answer,
  clockAhead,
  count,
  countOrNull,
  flag,
  json,
  listOf,
  number,
  numberOrNull,
  object,
  priority,
  queueName,
  request,
  seconds,
  text,
  textOrNull,
  texts,
  time,
} from './parts.ts';

export const TaskSpec = answer({
  name: text,
  description: textOrNull,
  input: {
    type: ['object', 'null'],
    additionalProperties: true,
    description: "JSON Schema of the task's input",
  },
  validates: flag,
  options: answer({
    queue: text,
    priority,
    expires: numberOrNull,
    max_retries: count,
    time_limit: numberOrNull,
    soft_time_limit: numberOrNull,
    rate_limit: textOrNull,
    max_concurrency: countOrNull,
    run_in: { ...textOrNull, description: 'main, thread or process; null: as the worker has it' },
    acks_late: flag,
    unique: {
      ...answer({ key: { type: ['array', 'null'], items: text }, ttl: number }),
      type: ['object', 'null'],
    },
    result_expires: numberOrNull,
    ignore_result: flag,
  }),
  workers: { ...texts, description: 'Workers alive that serve it' },
});

/** Limits that were set at run time; null gives a limit back to the task's own option. */
export const TaskLimits = request({
  rate_limit: { ...textOrNull, description: '10/s, 100/m, 1000/h; 0 = none' },
  max_concurrency: { ...countOrNull, description: '0 = none' },
  time_limit: { type: ['number', 'null'], minimum: 0, description: 'Seconds; 0 = none' },
  soft_time_limit: { type: ['number', 'null'], minimum: 0, description: 'Seconds; 0 = none' },
});

export const Queue = answer({
  name: text,
  waiting: { ...count, description: 'Due, and not yet taken by a worker' },
  delayed: { ...count, description: 'Due later: eta, countdown, a retry or a limit' },
  active: count,
  succeeded: { ...count, description: 'Kept results of SUCCESS' },
  failed: { ...count, description: 'Kept results of FAILURE and REVOKED' },
  paused: flag,
  workers: { ...texts, description: 'Workers alive that consume it' },
});

export const Purged = answer({ purged: { ...count, description: 'Tasks that were removed' } });

export const Worker = answer({
  id: text,
  hostname: text,
  pid: count,
  version: text,
  queues: { type: 'array', items: answer({ name: text, concurrency: count }) },
  tasks: texts,
  active: { ...count, description: 'Tasks that it runs now' },
  succeeded: { ...count, description: 'Since it started' },
  failed: count,
  retried: count,
  started_at: time,
  heartbeat_at: time,
  memory_mb: count,
  clock_ahead_ms: clockAhead,
  loop_lag_ms: {
    type: 'number',
    description: 'Longest stall of its event loop since the last beat, also one that goes on; ms',
  },
  stopping: flag,
});

export const CONTROL_COMMANDS = [
  'ping',
  'shutdown',
  'pool_grow',
  'pool_shrink',
  'autoscale',
  'add_consumer',
  'cancel_consumer',
] as const;

export const INSPECT_COMMANDS = [
  'active',
  'reserved',
  'scheduled',
  'revoked',
  'registered',
  'stats',
  'ping',
  'conf',
] as const;

/** Arguments of a control command; which of them counts, docs/workers.md says. */
export const Control = request({
  n: { type: 'integer', minimum: 1, description: 'pool_grow, pool_shrink. Default: 1' },
  min: { type: 'integer', minimum: 1, description: 'autoscale' },
  max: { type: 'integer', minimum: 0, description: 'autoscale; 0 = off' },
  queue: {
    ...queueName,
    description: 'add_consumer, cancel_consumer; the others: this queue only',
  },
  concurrency: { type: 'integer', minimum: 1, description: "add_consumer. Default: the worker's" },
  timeout: { ...seconds, maximum: 30, description: 'Seconds to wait for the answer. Default: 1' },
});

export const ControlAnswer = answer({ worker: text, answer: json });

export const Inspection = answer({
  command: text,
  workers: { ...object, description: 'worker -> its answer' },
  missing: { ...texts, description: 'Workers alive that did not answer in time' },
});

export const EVENT_TYPES = [
  'task-sent',
  'task-received',
  'task-started',
  'task-retried',
  'task-succeeded',
  'task-failed',
  'task-revoked',
  'worker-online',
  'worker-offline',
] as const;

/** One event of the cluster's stream; fields that do not concern it are absent. */
export const ClusterEvent = {
  type: 'object',
  required: ['type', 'timestamp'],
  properties: {
    type: { ...text, enum: EVENT_TYPES },
    timestamp: time,
    worker: text,
    task_id: text,
    name: text,
    queue: text,
    retries: count,
    eta: time,
    runtime: { ...number, description: 'Seconds' },
    error: answer({ type: text, message: text }),
  },
} as const;

export const Health = {
  type: 'object',
  required: ['status'],
  properties: {
    status: text,
    version: text,
    clock_ahead_ms: clockAhead,
    warning: { ...text, description: 'Why no tasks are taken now, though all else is served' },
  },
} as const;

export const Problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: text,
    title: text,
    status: count,
    detail: text,
    instance: text,
    errors: { type: 'array', items: answer({ path: text, message: text }) },
  },
} as const;

export const Registry = listOf('tasks', TaskSpec);
export const Queues = listOf('queues', Queue);
export const Workers = listOf('workers', Worker);
