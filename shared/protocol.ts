/**
 * The HTTP contract, once: every schema and every route. The API validates and routes by it,
 * OpenAPI is printed from it, and the client's types are read off it.
 * Names are snake_case as in Celery; times are ISO 8601 UTC; durations are seconds.
 */
import type { FromSchema } from './jsonSchema.ts';

export const DEFAULT_PORT = 8000;
/** Largest request body in bytes; for NDJSON, largest line. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Largest NDJSON body in bytes: it is read as a stream but held until the last line is valid. */
export const MAX_STREAM_BYTES = 64 * 1024 * 1024;
export const MAX_TASKS = 10_000;
export const MAX_RESULTS = 1000;
/** Longest wait of one request in seconds. */
export const MAX_WAIT = 60;
export const MAX_JSON_DEPTH = 64;
/** Ten years in seconds; BullMQ's due times overflow in 2039. */
export const MAX_COUNTDOWN = 10 * 365 * 86_400;

const text = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const timeOrNull = { type: ['string', 'null'], format: 'date-time' } as const;
const time = { type: 'string', format: 'date-time' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const flag = { type: 'boolean' } as const;
const json = { description: 'Any JSON value' } as const;
const object = { type: 'object' } as const;
const list = { type: 'array' } as const;
const texts = { type: 'array', items: text } as const;
const queueName = { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,128}$' } as const;

const SendTask = {
  type: 'object',
  additionalProperties: false,
  required: ['name'],
  examples: [{ name: 'add', args: [2, 3] }],
  properties: {
    name: { type: 'string', description: 'Name of a task that a worker serves' },
    args: { ...list, description: "Bound to the properties of the task's schema in their order" },
    kwargs: { ...object, description: "The task's input by name" },
    task_id: {
      type: 'string',
      description:
        'Makes the request safe to repeat. 1 to 128 of A-Z a-z 0-9 _ . -, not all digits',
    },
    queue: { ...queueName, description: "Default: the task's queue" },
    countdown: {
      type: 'number',
      minimum: 0,
      maximum: MAX_COUNTDOWN,
      description: 'Seconds from now',
    },
    eta: { ...time, description: 'Not before this time; excludes countdown' },
    max_retries: { ...count, description: "Default: the task's" },
    ignore_result: { ...flag, description: 'Keep the state but not the value' },
    result_expires: { type: 'number', exclusiveMinimum: 0, description: 'Seconds after the end' },
    headers: { ...object, description: 'Read by the task as ctx.headers' },
    tags: {
      type: 'array',
      maxItems: 32,
      items: { type: 'string', minLength: 1, maxLength: 128 },
    },
  },
} as const;

const SendTasks = {
  type: 'object',
  additionalProperties: false,
  required: ['tasks'],
  properties: { tasks: { type: 'array', maxItems: MAX_TASKS, items: SendTask } },
} as const;

const TaskError = {
  type: ['object', 'null'],
  required: ['type', 'message', 'traceback'],
  properties: { type: text, message: text, traceback: text },
} as const;

const AsyncResult = {
  type: 'object',
  required: [
    'task_id',
    'name',
    'state',
    'ready',
    'successful',
    'failed',
    'result',
    'error',
    'progress',
    'args',
    'kwargs',
    'queue',
    'priority',
    'retries',
    'max_retries',
    'worker',
    'sent_at',
    'eta',
    'expires',
    'started_at',
    'date_done',
    'runtime',
    'parent_id',
    'root_id',
    'group_id',
    'children',
    'headers',
    'tags',
  ],
  properties: {
    task_id: text,
    name: text,
    state: {
      ...text,
      description: 'PENDING STARTED RETRY SUCCESS FAILURE REVOKED, or a custom one',
    },
    ready: flag,
    successful: flag,
    failed: flag,
    result: json,
    error: TaskError,
    progress: { description: 'What the running task published last, null otherwise' },
    args: list,
    kwargs: object,
    queue: text,
    priority: { type: 'integer', minimum: 0, maximum: 9 },
    retries: count,
    max_retries: count,
    worker: textOrNull,
    sent_at: time,
    eta: timeOrNull,
    expires: timeOrNull,
    started_at: timeOrNull,
    date_done: timeOrNull,
    runtime: { type: ['number', 'null'], description: 'Seconds' },
    parent_id: textOrNull,
    root_id: text,
    group_id: textOrNull,
    children: texts,
    headers: object,
    tags: texts,
  },
} as const;

const SentTasks = {
  type: 'object',
  required: ['tasks'],
  properties: {
    tasks: {
      type: 'array',
      items: {
        type: 'object',
        required: ['task_id', 'state'],
        properties: { task_id: text, state: text },
      },
    },
  },
} as const;

const ReadResults = {
  type: 'object',
  additionalProperties: false,
  required: ['task_ids'],
  properties: { task_ids: { type: 'array', maxItems: MAX_RESULTS, items: text } },
} as const;

const Results = {
  type: 'object',
  required: ['results'],
  properties: { results: { type: 'array', items: { ...AsyncResult, type: ['object', 'null'] } } },
} as const;

const TaskSpec = {
  type: 'object',
  required: ['name', 'description', 'input', 'validates', 'options', 'workers'],
  properties: {
    name: text,
    description: textOrNull,
    input: { type: ['object', 'null'], description: "JSON Schema of the task's input" },
    validates: flag,
    options: {
      type: 'object',
      required: ['queue', 'max_retries', 'result_expires', 'ignore_result'],
      properties: {
        queue: text,
        max_retries: count,
        result_expires: { type: ['number', 'null'] },
        ignore_result: flag,
      },
    },
    workers: { ...texts, description: 'Workers alive that serve it' },
  },
} as const;

const Queue = {
  type: 'object',
  required: ['name', 'waiting', 'delayed', 'active', 'succeeded', 'failed', 'paused', 'workers'],
  properties: {
    name: text,
    waiting: { ...count, description: 'Due, and not yet taken by a worker' },
    delayed: { ...count, description: 'Due later: eta, countdown or a retry' },
    active: count,
    succeeded: { ...count, description: 'Kept results of SUCCESS' },
    failed: { ...count, description: 'Kept results of FAILURE and REVOKED' },
    paused: flag,
    workers: { ...texts, description: 'Workers alive that consume it' },
  },
} as const;

const Worker = {
  type: 'object',
  required: [
    'id',
    'hostname',
    'pid',
    'version',
    'queues',
    'tasks',
    'active',
    'succeeded',
    'failed',
    'retried',
    'started_at',
    'heartbeat_at',
    'memory_mb',
    'loop_lag_ms',
    'stopping',
  ],
  properties: {
    id: text,
    hostname: text,
    pid: count,
    version: text,
    queues: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'concurrency'],
        properties: { name: text, concurrency: count },
      },
    },
    tasks: texts,
    active: { ...count, description: 'Tasks that it runs now' },
    succeeded: { ...count, description: 'Since it started' },
    failed: count,
    retried: count,
    started_at: time,
    heartbeat_at: time,
    memory_mb: count,
    loop_lag_ms: {
      type: 'number',
      description: 'Longest stall of its event loop since the last beat',
    },
    stopping: flag,
  },
} as const;

const Health = {
  type: 'object',
  required: ['status'],
  properties: { status: text, version: text },
} as const;

const Problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: text,
    title: text,
    status: count,
    detail: text,
    instance: text,
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: text, message: text },
      },
    },
  },
} as const;

const listOf = <Name extends string, Item>(name: Name, items: Item) =>
  ({
    type: 'object',
    required: [name],
    properties: { [name]: { type: 'array', items } },
  }) as const;

/** Every schema that has a name in the OpenAPI document. */
export const SCHEMAS = {
  SendTask,
  SendTasks,
  SentTasks,
  AsyncResult,
  ReadResults,
  Results,
  TaskSpec,
  Queue,
  Worker,
  Health,
  Problem,
  Registry: listOf('tasks', TaskSpec),
  Queues: listOf('queues', Queue),
  Workers: listOf('workers', Worker),
} as const;

export type SchemaName = keyof typeof SCHEMAS;
export type SendTaskRequest = FromSchema<typeof SendTask>;
export type AsyncResultBody = FromSchema<typeof AsyncResult>;
export type TaskErrorBody = NonNullable<AsyncResultBody['error']>;
export type SentTasksBody = FromSchema<typeof SentTasks>;
export type RegistryEntry = FromSchema<typeof TaskSpec>;
export type QueueBody = FromSchema<typeof Queue>;
export type WorkerBody = FromSchema<typeof Worker>;
export type ProblemBody = FromSchema<typeof Problem>;

export interface Route {
  readonly method: 'get' | 'post' | 'delete';
  /** OpenAPI's form: `/v1/tasks/{task_id}`. */
  readonly path: string;
  readonly summary: string;
  /** Chapter of the docs page. */
  readonly tag: 'Send' | 'Follow' | 'Watch' | 'Health';
  readonly body?: SchemaName;
  /** Query parameters: name -> JSON Schema with a description. */
  readonly query?: Readonly<Record<string, object>>;
  /** status -> schema of the answer; null where it has no body. */
  readonly answers: Readonly<Record<number, SchemaName | null>>;
  /** Statuses of the errors it may answer, beside 500 and 503. */
  readonly errors: readonly number[];
}

const wait = {
  wait: {
    type: 'number',
    minimum: 0,
    maximum: MAX_WAIT,
    description: 'Seconds to wait for a final state; the header `Prefer: wait=N` does the same',
  },
} as const;

/** Every route by the name of its handler, in the order of the docs. */
export const ROUTES = {
  sendTask: {
    tag: 'Send',
    method: 'post',
    path: '/v1/send_task',
    summary: 'Send a task',
    body: 'SendTask',
    query: wait,
    answers: { 202: 'AsyncResult', 200: 'AsyncResult' },
    errors: [400, 409, 413, 415, 422, 429],
  },
  sendTasks: {
    tag: 'Send',
    method: 'post',
    path: '/v1/send_tasks',
    body: 'SendTasks',
    summary: 'Send up to 10,000 tasks, all or none; also application/x-ndjson, one task a line',
    answers: { 202: 'SentTasks' },
    errors: [400, 409, 413, 415, 422, 429],
  },
  getTask: {
    tag: 'Follow',
    method: 'get',
    path: '/v1/tasks/{task_id}',
    summary: 'State and result of a task',
    query: wait,
    answers: { 200: 'AsyncResult', 304: null },
    errors: [404, 422],
  },
  taskEvents: {
    tag: 'Follow',
    method: 'get',
    path: '/v1/tasks/{task_id}/events',
    summary: 'Each change of state or progress as Server-Sent Events, until the final one',
    answers: { 200: 'AsyncResult', 204: null },
    errors: [404],
  },
  retryTask: {
    tag: 'Follow',
    method: 'post',
    path: '/v1/tasks/{task_id}/retry',
    summary: 'Run a failed or revoked task again',
    answers: { 202: 'AsyncResult' },
    errors: [404, 409],
  },
  forgetTask: {
    tag: 'Follow',
    method: 'delete',
    path: '/v1/tasks/{task_id}',
    summary: 'Forget a finished task',
    answers: { 204: null },
    errors: [404, 409],
  },
  readResults: {
    tag: 'Follow',
    method: 'post',
    path: '/v1/results',
    summary: 'Up to 1,000 tasks in one round trip',
    body: 'ReadResults',
    answers: { 200: 'Results' },
    errors: [400, 413, 415, 422],
  },
  listRegistry: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/registry',
    summary: 'Tasks that workers serve',
    answers: { 200: 'Registry' },
    errors: [],
  },
  getRegistered: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/registry/{name}',
    summary: 'One task: schema, options, workers',
    answers: { 200: 'TaskSpec' },
    errors: [404],
  },
  listQueues: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/queues',
    summary: 'Queues and what they hold',
    answers: { 200: 'Queues' },
    errors: [],
  },
  getQueue: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/queues/{queue}',
    summary: 'One queue',
    answers: { 200: 'Queue' },
    errors: [404],
  },
  listWorkers: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/workers',
    summary: 'Workers alive',
    answers: { 200: 'Workers' },
    errors: [],
  },
  getWorker: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/workers/{worker_id}',
    summary: 'One worker',
    answers: { 200: 'Worker' },
    errors: [404],
  },
  live: {
    tag: 'Health',
    method: 'get',
    path: '/health/live',
    summary: 'The process answers',
    answers: { 200: 'Health' },
    errors: [],
  },
  ready: {
    tag: 'Health',
    method: 'get',
    path: '/health/ready',
    summary: 'The broker takes writes',
    answers: { 200: 'Health' },
    errors: [],
  },
} as const satisfies Readonly<Record<string, Route>>;

export type RouteName = keyof typeof ROUTES;
