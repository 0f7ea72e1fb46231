/**
 * The HTTP contract's routes: the API routes by them, OpenAPI is printed from them. What the
 * bodies look like is in schemas.ts.
 */
import { CONTROL_COMMANDS, INSPECT_COMMANDS } from './schemas/cluster.ts';
import { MAX_WAIT, type SchemaName } from './schemas.ts';

export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** OpenAPI's form: `/v1/tasks/{task_id}`. */
  readonly path: string;
  readonly summary: string;
  /** Chapter of the docs page. */
  readonly tag: 'Send' | 'Follow' | 'Watch' | 'Control' | 'Health';
  readonly body?: SchemaName;
  /** A request without any body is one with `{}`. Default: false */
  readonly isBodyOptional?: boolean;
  /** Query parameters: name -> JSON Schema with a description. */
  readonly query?: Readonly<Record<string, object>>;
  /** status -> schema of the answer; null where it has no body. */
  readonly answers: Readonly<Record<number, SchemaName | null>>;
  /** Media type of its answer. Default: application/json */
  readonly type?: 'text/event-stream';
  /** Statuses of the errors it may answer, beside 500 and 503. */
  readonly errors: readonly number[];
}

const wait = {
  wait: {
    type: 'number',
    minimum: 0,
    description: `Seconds to wait for a final state, at most ${MAX_WAIT}: more count as so many. The header \`Prefer: wait=N\` does the same`,
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
    summary: 'Each change of state, progress or log as Server-Sent Events, until the final one',
    type: 'text/event-stream',
    answers: { 200: 'AsyncResult', 204: null },
    errors: [404],
  },
  listTasks: {
    tag: 'Follow',
    method: 'get',
    path: '/v1/tasks',
    summary: 'Tasks, newest first',
    query: {
      state: { type: 'string', description: 'One state, or several joined by commas' },
      name: { type: 'string' },
      queue: { type: 'string' },
      tag: { type: 'string' },
      since: { type: 'string', format: 'date-time', description: 'Sent at this time or later' },
      until: { type: 'string', format: 'date-time', description: 'Sent before this time' },
      limit: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
      cursor: { type: 'string', description: 'next_cursor of the call before' },
    },
    answers: { 200: 'TaskList' },
    errors: [422],
  },
  taskLogs: {
    tag: 'Follow',
    method: 'get',
    path: '/v1/tasks/{task_id}/logs',
    summary: 'What the task has written by ctx.log; the last 1,000 lines are kept',
    query: { after: { type: 'integer', minimum: 0, description: 'Only lines after this number' } },
    answers: { 200: 'TaskLogs' },
    errors: [404, 422],
  },
  taskAttempts: {
    tag: 'Follow',
    method: 'get',
    path: '/v1/tasks/{task_id}/attempts',
    summary: 'The error of each failed run; the last 10 are kept',
    answers: { 200: 'Attempts' },
    errors: [404],
  },
  revokeTask: {
    tag: 'Follow',
    method: 'post',
    path: '/v1/tasks/{task_id}/revoke',
    summary: 'Keep a task from running, or stop it',
    body: 'RevokeTask',
    isBodyOptional: true,
    answers: { 200: 'AsyncResult' },
    errors: [400, 404, 409, 413, 415, 422],
  },
  revokeTasks: {
    tag: 'Follow',
    method: 'post',
    path: '/v1/revoke',
    summary: 'Revoke many tasks: by ids, by tag or by a header',
    body: 'RevokeTasks',
    answers: { 200: 'RevokedTasks' },
    errors: [400, 413, 415, 422],
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
  setLimits: {
    tag: 'Control',
    method: 'put',
    path: '/v1/registry/{name}/limits',
    summary: 'Change rate, concurrency and time limits of a task on all workers',
    body: 'TaskLimits',
    answers: { 200: 'TaskLimits' },
    errors: [400, 404, 413, 415, 422],
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
  pauseQueue: {
    tag: 'Control',
    method: 'post',
    path: '/v1/queues/{queue}/pause',
    summary: 'Start none of its tasks until it is resumed',
    answers: { 200: 'Queue' },
    errors: [404],
  },
  resumeQueue: {
    tag: 'Control',
    method: 'post',
    path: '/v1/queues/{queue}/resume',
    summary: 'Go on after a pause',
    answers: { 200: 'Queue' },
    errors: [404],
  },
  purgeQueue: {
    tag: 'Control',
    method: 'post',
    path: '/v1/queues/{queue}/purge',
    summary: 'Remove all tasks that have not started, also those due later',
    answers: { 200: 'Purged' },
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
  controlWorker: {
    tag: 'Control',
    method: 'post',
    path: '/v1/workers/{worker_id}/{command}',
    summary: `Tell a worker: ${CONTROL_COMMANDS.join(', ')}`,
    body: 'Control',
    isBodyOptional: true,
    answers: { 200: 'ControlAnswer' },
    errors: [400, 404, 409, 413, 415, 422, 504],
  },
  inspect: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/inspect/{command}',
    summary: `Ask workers: ${INSPECT_COMMANDS.join(', ')}`,
    query: {
      worker: { type: 'string', description: 'Only these, joined by commas' },
      timeout: { type: 'number', description: 'Seconds to wait for answers. Default: 1' },
    },
    answers: { 200: 'Inspection' },
    errors: [404, 422],
  },
  events: {
    tag: 'Watch',
    method: 'get',
    path: '/v1/events',
    summary: 'What happens to tasks and workers, as Server-Sent Events',
    type: 'text/event-stream',
    query: { type: { type: 'string', description: 'Only these types, joined by commas' } },
    answers: { 200: 'ClusterEvent' },
    errors: [422],
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
