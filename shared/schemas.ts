/**
 * What goes over HTTP, once: every schema by the name it has in the OpenAPI document, and the types
 * read off them. The API validates by them; the routes are in protocol.ts.
 * Names are snake_case as in Celery; times are ISO 8601 UTC; durations are seconds.
 */
import type { FromSchema } from './jsonSchema.ts';
import {
  ClusterEvent,
  Control,
  ControlAnswer,
  Health,
  Inspection,
  Problem,
  Purged,
  Queue,
  Queues,
  Registry,
  TaskLimits,
  TaskSpec,
  Worker,
  Workers,
} from './schemas/cluster.ts';
import {
  AsyncResult,
  Attempts,
  ReadResults,
  Results,
  RevokedTasks,
  RevokeTask,
  RevokeTasks,
  SendTask,
  SendTasks,
  SentTasks,
  TaskList,
  TaskLogs,
} from './schemas/tasks.ts';

export const DEFAULT_PORT = 8000;
/** Largest request body in bytes; for NDJSON, largest line. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Largest NDJSON body in bytes: it is read as a stream but held until the last line is valid. */
export const MAX_STREAM_BYTES = 64 * 1024 * 1024;
/** Longest wait of one request in seconds. */
export const MAX_WAIT = 60;
export const MAX_JSON_DEPTH = 64;

/** Every schema that has a name in the OpenAPI document. */
export const SCHEMAS = {
  SendTask,
  SendTasks,
  SentTasks,
  AsyncResult,
  ReadResults,
  Results,
  TaskList,
  Attempts,
  TaskLogs,
  RevokeTask,
  RevokeTasks,
  RevokedTasks,
  TaskSpec,
  TaskLimits,
  Queue,
  Purged,
  Worker,
  Control,
  ControlAnswer,
  Inspection,
  ClusterEvent,
  Health,
  Problem,
  Registry,
  Queues,
  Workers,
} as const;

export type SchemaName = keyof typeof SCHEMAS;
export type SendTaskRequest = FromSchema<typeof SendTask>;
export type AsyncResultBody = FromSchema<typeof AsyncResult>;
export type TaskErrorBody = NonNullable<AsyncResultBody['error']>;
export type SentTasksBody = FromSchema<typeof SentTasks>;
export type TaskListBody = FromSchema<typeof TaskList>;
export type AttemptBody = FromSchema<typeof Attempts>['attempts'][number];
export type TaskLogsBody = FromSchema<typeof TaskLogs>;
export type TaskLogLine = TaskLogsBody['logs'][number];
export type RevokeTasksRequest = FromSchema<typeof RevokeTasks>;
export type RevokedTasksBody = FromSchema<typeof RevokedTasks>;
export type RegistryEntry = FromSchema<typeof TaskSpec>;
export type TaskLimitsRequest = FromSchema<typeof TaskLimits>;
export type QueueBody = FromSchema<typeof Queue>;
export type WorkerBody = FromSchema<typeof Worker>;
export type ControlRequest = FromSchema<typeof Control>;
export type InspectionBody = FromSchema<typeof Inspection>;
export type ClusterEventBody = FromSchema<typeof ClusterEvent>;
export type ProblemBody = FromSchema<typeof Problem>;
