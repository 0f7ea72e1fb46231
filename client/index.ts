/** The public names of the package `kaje`. */
export {
  BrokerUnavailableError,
  DefinitionError,
  type FieldError,
  InvalidRequestError,
  KajeError,
  QueueFullError,
  ResultTimeoutError,
  TaskConflictError,
  TaskFailedError,
  TaskNotFoundError,
  WrongStateError,
} from '../shared/errors.ts';
export type { AsyncResultBody, QueueBody, RegistryEntry, WorkerBody } from '../shared/protocol.ts';
export type { RetryOptions } from '../shared/retry.ts';
export type { State, TaskState } from '../shared/states.ts';
export {
  defineTask,
  type InputOf,
  type OutputOf,
  type Task,
  type TaskContext,
  type TaskLog,
  type TaskOptions,
} from '../shared/task.ts';
export { type Call, Kaje, type KajeOptions, type SendOptions } from './kaje.ts';
export { AsyncResult, type GetOptions } from './result.ts';
