/**
 * The seam between Kaje and what carries its tasks. Producers, the API and clients know this
 * interface only; brokers/redis.ts (BullMQ) stands behind it.
 */
import type { ClusterEvent } from './clusterEvents.ts';
import type { TaskMessage } from './message.ts';
import type { TaskSpec } from './registry.ts';
import type { TaskRecord } from './results.ts';
import type {
  AsyncResultBody,
  AttemptBody,
  QueueBody,
  RegistryEntry,
  RevokedTasksBody,
  RevokeTasksRequest,
  TaskLimitsRequest,
  TaskListBody,
  TaskLogsBody,
  WorkerBody,
} from './schemas.ts';

/** Which tasks a list shows; an absent field shows all. */
export interface TaskQuery {
  readonly states?: readonly string[];
  readonly name?: string;
  readonly queue?: string;
  readonly tag?: string;
  /** Epoch milliseconds of the send, inclusive. */
  readonly since?: number;
  /** Epoch milliseconds of the send, exclusive. */
  readonly until?: number;
  readonly limit: number;
  /** Where the page before ended. */
  readonly cursor?: string;
}

export interface Question {
  readonly command: string;
  readonly args?: Readonly<Record<string, unknown>>;
  /** Default: all workers alive. */
  readonly workers?: readonly string[];
  readonly timeoutMs: number;
}

/** What one worker said. */
export type WorkerAnswer = { readonly ok: unknown } | { readonly error: string };

export interface Answers {
  readonly byWorker: ReadonlyMap<string, WorkerAnswer>;
  /** Workers alive that did not answer in time. */
  readonly missing: readonly string[];
}

/** A task wants a uniqueness for itself. */
export interface UniqueClaim {
  readonly id: string;
  readonly hash: string;
  /** 0 gives it up. */
  readonly ttlMs: number;
  /** A task that may lose it. */
  readonly instead?: string | undefined;
}

/** Who holds a uniqueness. */
export interface UniqueHolder {
  /** Id of a task. */
  readonly holder: string;
  readonly heldMs: number;
}

/** What the clock of the broker shows now, epoch milliseconds: how late it is exactly, only the broker knows. */
export interface Moment {
  readonly earliest: number;
  readonly latest: number;
}

/** The clock by which every span is counted: those of senders and workers may be an hour apart. */
export interface Clock {
  /** Asks the broker only when nothing was heard for a while; what is known is there at once. */
  read(): Moment | Promise<Moment>;
  /** The earliest time that it may show, by what was heard last; this machine's own before that. */
  now(): number;
  /** Milliseconds by which the clock of this machine is ahead of it; below 0 it is behind. */
  aheadMs(): number;
}

/** Tasks that are stored all or none; more would keep Redis and the event loop from everybody else too long. */
export const ADDS_AT_ONCE = 1000;

/** A queue that has no room for what should wait in it. */
export interface FullQueue {
  readonly queue: string;
  /** Tasks that it would take. */
  readonly room: number;
}

export interface Broker {
  readonly clock: Clock;
  /**
   * Stores tasks, ADDS_AT_ONCE by each write. An id that is stored already is left as it is.
   * @param queueMaxLength tasks that may wait in a queue, counted as they are stored; 0 = no limit
   * @returns the first queue that is full: then nothing was stored
   */
  add(messages: readonly TaskMessage[], queueMaxLength?: number): Promise<FullQueue | undefined>;
  /**
   * Records in the order of the ids, null for unknown ones; one round trip, however many.
   * @param came told the bytes of each as it comes; what it throws ends the read
   */
  read(ids: readonly string[], came?: (bytes: number) => void): Promise<(TaskRecord | null)[]>;
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
  /**
   * Keeps a task from running, or tells the worker that runs it to stop.
   * @param terminate whether one that runs is ended at once
   * @throws WrongStateError for one that has ended, TaskNotFoundError
   */
  revoke(id: string, terminate: boolean): Promise<AsyncResultBody>;
  /** The same for many, by ids, tag or header; says how many it met in which state. */
  revokeMany(selection: RevokeTasksRequest): Promise<RevokedTasksBody>;
  /** A page of tasks, newest first; bounded work, however many there are. */
  list(query: TaskQuery): Promise<TaskListBody>;
  /** Lines that the task wrote after line number `after`; throws TaskNotFoundError. */
  logs(id: string, after: number): Promise<TaskLogsBody>;
  /** Errors of the runs that failed; throws TaskNotFoundError. */
  attempts(id: string): Promise<AttemptBody[]>;
  /** Keeps workers from starting tasks of a queue, or lets them go on. */
  pause(queue: string, isPaused: boolean): Promise<void>;
  /** Removes all tasks of a queue that have not started, and says how many. */
  purge(queue: string): Promise<number>;
  /** Changes limits of a task on all workers, for those of now and of later; answers what is set. */
  setLimits(task: string, limits: TaskLimitsRequest): Promise<TaskLimitsRequest>;
  /** Claims uniquenesses, all of them or none; who holds each then. */
  claimUnique(claims: readonly UniqueClaim[]): Promise<readonly UniqueHolder[]>;
  /** Notes a task in the record of the one that has sent it. */
  addChild(parent: { readonly queue: string; readonly id: string }, child: string): Promise<void>;
  /** Asks workers something and waits for their answers until all are there or the time is over. */
  ask(question: Question): Promise<Answers>;
  /** Calls `seen` with what happens to tasks and workers; resolves once it listens. */
  listenToEvents(seen: (events: readonly ClusterEvent[]) => void): Promise<() => void>;
  queues(): Promise<QueueBody[]>;
  /** Workers whose heart beats. */
  workers(): Promise<WorkerBody[]>;
  /** Every task that workers have published, by name. */
  specs(): Promise<ReadonlyMap<string, TaskSpec>>;
  /** The same for people and programs: with the workers alive that serve each. */
  registry(): Promise<RegistryEntry[]>;
  /** Calls `changed` when a worker tells of the task; resolves once it listens. */
  listen(id: string, changed: () => void): Promise<() => void>;
  /** Whether who begins to listen now is told of all changes of the task, before `listen` resolves. */
  hears(id: string): boolean;
  /** Calls `changed` when a worker publishes tasks, and when news may have been missed. */
  onRegistryChange(changed: () => void): void;
  /**
   * Resolves when the broker takes writes, with the reason why it takes no tasks all the same, if there is one.
   * @throws BrokerUnavailableError otherwise
   */
  checkWritable(): Promise<string | undefined>;
  close(): Promise<void>;
}
