/** The two ways to reach Kaje, over HTTP and straight over Redis, as one interface. */
import type {
  AsyncResultBody,
  QueueBody,
  RegistryEntry,
  SendTaskRequest,
  SentTasksBody,
  WorkerBody,
} from '../../shared/protocol.ts';

export interface Transport {
  sendTask(request: SendTaskRequest): Promise<AsyncResultBody>;
  sendTasks(requests: readonly SendTaskRequest[]): Promise<SentTasksBody['tasks']>;
  /**
   * The task as it is, or as soon as it is ready within `waitMs` milliseconds.
   * @throws TaskNotFoundError
   */
  read(id: string, waitMs: number, signal?: AbortSignal): Promise<AsyncResultBody>;
  forget(id: string): Promise<void>;
  /** Each change of state or progress until the final one. */
  events(id: string, signal?: AbortSignal): AsyncGenerator<AsyncResultBody, void>;
  registry(): Promise<RegistryEntry[]>;
  queues(): Promise<QueueBody[]>;
  workers(): Promise<WorkerBody[]>;
  close(): Promise<void>;
}
