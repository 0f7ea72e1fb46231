/** The two ways to reach Kaje, over HTTP and straight over Redis, as one interface. */
import type { ClusterEvent, EventType } from '../../shared/clusterEvents.ts';
import type { TaskEvent } from '../../shared/events.ts';
import type { Inspection } from '../../shared/inspection.ts';
import type { InspectOptions } from '../../shared/operate.ts';
import type {
  AsyncResultBody,
  AttemptBody,
  ControlRequest,
  QueueBody,
  RegistryEntry,
  RevokedTasksBody,
  RevokeTasksRequest,
  SendTaskRequest,
  SentTasksBody,
  TaskLimitsRequest,
  TaskListBody,
  TaskLogsBody,
  WorkerBody,
} from '../../shared/schemas.ts';
import type { TaskQueryText } from '../../shared/taskQuery.ts';

export interface Transport {
  sendTask(request: SendTaskRequest): Promise<AsyncResultBody>;
  sendTasks(requests: readonly SendTaskRequest[]): Promise<SentTasksBody['tasks']>;
  /**
   * The task as it is, or as soon as it is ready within `waitMs` milliseconds, at most a minute.
   * @throws TaskNotFoundError, BrokerUnavailableError
   * @throws KajeError CLIENT_CLOSED when the client is closed meanwhile
   */
  read(id: string, waitMs: number, signal?: AbortSignal): Promise<AsyncResultBody>;
  forget(id: string): Promise<void>;
  revoke(id: string, terminate: boolean): Promise<AsyncResultBody>;
  revokeMany(selection: RevokeTasksRequest): Promise<RevokedTasksBody>;
  /** Puts a task that failed or was revoked back to its queue. */
  retry(id: string): Promise<AsyncResultBody>;
  setLimits(task: string, limits: TaskLimitsRequest): Promise<TaskLimitsRequest>;
  /** A page of tasks, newest first. */
  list(query: TaskQueryText): Promise<TaskListBody>;
  /** Lines that the task has written behind number `after`. */
  logs(id: string, after: number): Promise<TaskLogsBody>;
  attempts(id: string): Promise<AttemptBody[]>;
  /** What it has written, and each change of state or progress, until the final one. */
  events(id: string, signal?: AbortSignal): AsyncGenerator<TaskEvent, void>;
  /** What happens to tasks and workers, until the signal is aborted; no types means all. */
  clusterEvents(
    types: readonly EventType[],
    signal?: AbortSignal,
  ): AsyncGenerator<ClusterEvent, void>;
  registry(): Promise<RegistryEntry[]>;
  queues(): Promise<QueueBody[]>;
  workers(): Promise<WorkerBody[]>;
  inspect(command: string, options: InspectOptions): Promise<Inspection>;
  /** What the worker answers. */
  control(worker: string, command: string, args: ControlRequest): Promise<unknown>;
  pauseQueue(name: string, isPaused: boolean): Promise<QueueBody>;
  purgeQueue(name: string): Promise<number>;
  close(): Promise<void>;
}
