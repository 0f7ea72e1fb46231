/** The public names of the package `kaje`. */
export type {
  ClusterEvent,
  EventError,
  EventType,
  TaskFailedEvent,
  TaskReceivedEvent,
  TaskRetriedEvent,
  TaskRevokedEvent,
  TaskSentEvent,
  TaskStartedEvent,
  TaskSucceededEvent,
  WorkerOfflineEvent,
  WorkerOnlineEvent,
} from '../shared/clusterEvents.ts';
export {
  BrokerUnavailableError,
  CommandRefusedError,
  DefinitionError,
  type FieldError,
  InvalidRequestError,
  KajeError,
  QueueFullError,
  ResultTimeoutError,
  TaskConflictError,
  TaskFailedError,
  TaskNotFoundError,
  WorkerSilentError,
  WrongStateError,
} from '../shared/errors.ts';
export type {
  ActiveTask,
  InspectAnswers,
  InspectCommand,
  Inspection,
  RegisteredTask,
  ScheduledTask,
  WorkerStats,
} from '../shared/inspection.ts';
export { type Middleware, use } from '../shared/middleware.ts';
export type { ControlCommand, InspectOptions } from '../shared/operate.ts';
export type { RetryOptions } from '../shared/retry.ts';
export type { RouteRule } from '../shared/routing.ts';
export type {
  AsyncResultBody,
  AttemptBody,
  ControlRequest,
  QueueBody,
  RegistryEntry,
  RevokedTasksBody,
  TaskLimitsRequest,
  TaskLogLine,
  WorkerBody,
} from '../shared/schemas.ts';
export type { SendOptions } from '../shared/sendOptions.ts';
export type { State, TaskState } from '../shared/states.ts';
export {
  defineTask,
  type InputOf,
  type OutputOf,
  type Task,
  type TaskContext,
  type TaskLog,
} from '../shared/task.ts';
export {
  MaxRetriesExceededError,
  Reject,
  type RejectOptions,
  type RetryRequestOptions,
  SoftTimeLimitExceeded,
  TaskExpired,
  TaskRevokedError,
  TimeLimitExceeded,
  WorkerLostError,
} from '../shared/taskErrors.ts';
export type { RunIn, TaskOptions, UniqueOptions } from '../shared/taskOptions.ts';
export { type Call, Kaje } from './kaje.ts';
export type {
  EventsOptions,
  FollowOptions,
  GetOptions,
  KajeOptions,
  LimitsOptions,
  LogOptions,
  RevokeOptions,
  RevokeSelection,
} from './options.ts';
export { AsyncResult } from './result.ts';
export type { TaskFilter } from './taskFilter.ts';
