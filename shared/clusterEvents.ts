/**
 * What happens to tasks and workers, as one stream for programs: each kind of event with its own
 * fields, so that a switch over `type` knows them. On the wire all are one flat object (ClusterEvent).
 */
import { type FieldError, InvalidRequestError } from './errors.ts';
import type { TaskMessage } from './message.ts';
import { EVENT_TYPES } from './schemas/cluster.ts';
import type { AsyncResultBody, TaskErrorBody } from './schemas.ts';
import { didYouMean } from './suggest.ts';
import { ERRORS_MAX } from './validation.ts';

interface Told {
  /** When it happened, by the clock of whoever tells it. */
  readonly timestamp: string;
}

interface AboutTask extends Told {
  readonly task_id: string;
  readonly name: string;
  readonly queue: string;
}

interface AboutRun extends AboutTask {
  readonly worker: string;
  /** 0 in the first run. */
  readonly retries: number;
}

/** What went wrong; the traceback is in the task's record. */
export interface EventError {
  readonly type: string;
  readonly message: string;
}

/** A task was accepted and stored. */
export interface TaskSentEvent extends AboutTask {
  readonly type: 'task-sent';
  /** Absent for one that is due at once. */
  readonly eta?: string;
}

/** A worker has taken it from its queue. */
export interface TaskReceivedEvent extends AboutRun {
  readonly type: 'task-received';
}

/** A run of it begins. One that a limit holds back is received, but not started. */
export interface TaskStartedEvent extends AboutRun {
  readonly type: 'task-started';
}

/** A run failed and another one will follow; `retries` counts it already. */
export interface TaskRetriedEvent extends AboutRun {
  readonly type: 'task-retried';
  /** When the next run is due. */
  readonly eta: string;
  /** Seconds that the run took. */
  readonly runtime: number;
  readonly error: EventError;
}

export interface TaskSucceededEvent extends AboutRun {
  readonly type: 'task-succeeded';
  /** Seconds that the last run took. */
  readonly runtime: number;
}

export interface TaskFailedEvent extends AboutRun {
  readonly type: 'task-failed';
  /** Seconds that the last run took; absent where its worker was lost. */
  readonly runtime?: number;
  readonly error: EventError;
}

/** Revoked or expired. `worker`, `retries` and `runtime` are there if a worker had it. */
export interface TaskRevokedEvent extends AboutTask {
  readonly type: 'task-revoked';
  readonly worker?: string;
  readonly retries?: number;
  readonly runtime?: number;
  readonly error: EventError;
}

export interface WorkerOnlineEvent extends Told {
  readonly type: 'worker-online';
  readonly worker: string;
}

/** It has stopped in order, or its heart has not beaten for ten seconds. */
export interface WorkerOfflineEvent extends Told {
  readonly type: 'worker-offline';
  readonly worker: string;
}

export type ClusterEvent =
  | TaskSentEvent
  | TaskReceivedEvent
  | TaskStartedEvent
  | TaskRetriedEvent
  | TaskSucceededEvent
  | TaskFailedEvent
  | TaskRevokedEvent
  | WorkerOnlineEvent
  | WorkerOfflineEvent;

export type EventType = ClusterEvent['type'];

/** The events of some types. */
export type EventOf<Type extends EventType> = Extract<ClusterEvent, { readonly type: Type }>;

/** Tells events to whoever follows. */
export interface Teller {
  /** Whether somebody follows: asked before an event is made, which costs nothing otherwise. */
  wanted(): boolean;
  /** Sent together with the others of this tick; nobody waits for it, and it may get lost. */
  tell(event: ClusterEvent): void;
}

type TaskNames = Pick<AsyncResultBody, 'task_id' | 'name' | 'queue'>;

export function sentEvent({ id, name, queue, sentAt, body }: TaskMessage): TaskSentEvent {
  return {
    type: 'task-sent',
    timestamp: isoTime(sentAt),
    task_id: id,
    name,
    queue,
    ...(body.eta === undefined ? {} : { eta: isoTime(body.eta) }),
  };
}

/** For a task that is revoked before a worker has it. */
export function revokedEvent(
  { task_id, name, queue }: TaskNames,
  error: EventError,
  nowMs: number,
): TaskRevokedEvent {
  const timestamp = isoTime(nowMs);
  return { type: 'task-revoked', timestamp, task_id, name, queue, error: eventError(error) };
}

/** For a task that has failed without a run that could tell it: its worker was lost. */
export function lostEvent(
  { task_id, name, queue, retries }: TaskNames & Pick<AsyncResultBody, 'retries'>,
  worker: string,
  error: EventError,
  nowMs: number,
): TaskFailedEvent {
  const told = { timestamp: isoTime(nowMs), task_id, name, queue, worker, retries };
  return { type: 'task-failed', ...told, error: eventError(error) };
}

export function workerEvent(
  type: 'worker-online' | 'worker-offline',
  worker: string,
  nowMs: number,
): WorkerOnlineEvent | WorkerOfflineEvent {
  return { type, timestamp: isoTime(nowMs), worker };
}

/** Characters of a message: an event is news, the record has the whole of it. */
const MESSAGE_MAX = 1000;

export function eventError({ type, message }: EventError | TaskErrorBody): EventError {
  return { type, message: message.slice(0, MESSAGE_MAX) };
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

const TYPES: ReadonlySet<string> = new Set(EVENT_TYPES);

/**
 * The types that somebody asks for; none means all.
 * @throws InvalidRequestError that names those there are not
 */
export function eventTypes(names: readonly string[]): ReadonlySet<EventType> {
  const errors: FieldError[] = names
    .filter((name) => !TYPES.has(name))
    .slice(0, ERRORS_MAX)
    .map((name) => ({ path: '/type', message: unknownType(name) }));
  if (errors.length > 0) throw new InvalidRequestError(errors);
  return new Set(names.length > 0 ? (names as EventType[]) : EVENT_TYPES);
}

function unknownType(name: string): string {
  const near = didYouMean(name, EVENT_TYPES);
  return `no event has the type "${name}"${near || `; expected ${EVENT_TYPES.join(', ')}`}`;
}
