/**
 * The seam between Kaje and what carries its tasks. Producers, the API and clients know this
 * interface only; brokers/redis.ts (BullMQ) stands behind it.
 */
import type { TaskMessage } from './message.ts';
import type { AsyncResultBody, QueueBody, RegistryEntry, WorkerBody } from './protocol.ts';
import type { TaskSpec } from './registry.ts';
import type { TaskRecord } from './results.ts';

export interface Broker {
  /** Stores tasks in one write. An id that is stored already is left as it is. */
  add(messages: readonly TaskMessage[]): Promise<void>;
  /** Records in the order of the ids, null for unknown ones; one round trip, however many. */
  read(ids: readonly string[]): Promise<(TaskRecord | null)[]>;
  /**
   * Claims ids for a moment, each for one caller in the cluster: which of them are the caller's now.
   * What is read behind a claim that was got stays so until it is released.
   */
  claim(ids: readonly string[]): Promise<boolean[]>;
  release(ids: readonly string[]): Promise<void>;
  /** Puts a FAILURE or REVOKED task back to the start; throws WrongStateError or TaskNotFoundError. */
  retry(id: string): Promise<AsyncResultBody>;
  /** Removes a finished task; throws WrongStateError or TaskNotFoundError. */
  forget(id: string): Promise<void>;
  queues(): Promise<QueueBody[]>;
  /** Due tasks of a queue that no worker has taken yet. */
  backlog(queue: string): Promise<number>;
  /** Workers whose heart beats. */
  workers(): Promise<WorkerBody[]>;
  /** Every task that workers have published, by name. */
  specs(): Promise<ReadonlyMap<string, TaskSpec>>;
  /** The same for people and programs: with the workers alive that serve each. */
  registry(): Promise<RegistryEntry[]>;
  /** Calls `changed` when a worker tells of the task; resolves once it listens. */
  listen(id: string, changed: () => void): Promise<() => void>;
  /** Calls `changed` when a worker publishes tasks, and when news may have been missed. */
  onRegistryChange(changed: () => void): void;
  /** Resolves when the broker takes writes; throws BrokerUnavailableError otherwise. */
  checkWritable(): Promise<void>;
  close(): Promise<void>;
}
