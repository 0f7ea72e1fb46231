/**
 * Every error that Kaje itself raises: a code for programs, one sentence for people.
 * What a user's task throws is data (`TaskError` in results.ts), never one of these.
 */
import { brand } from './brand.ts';

export interface FieldError {
  /** JSON Pointer to the wrong field, such as `/kwargs/to`. */
  readonly path: string;
  readonly message: string;
}

/** A name as a part of a JSON Pointer (RFC 6901). */
export function pointerPart(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Letters of a path or a message that are told: a field's name may be as long as the whole request. */
const TOLD_MAX = 500;

function clipped({ path, message }: FieldError): FieldError {
  return { path: clip(path), message: clip(message) };
}

function clip(text: string): string {
  return text.length <= TOLD_MAX ? text : `${text.slice(0, TOLD_MAX)}… (${text.length} characters)`;
}

function inWords(errors: readonly FieldError[]): string {
  return errors.map(({ path, message }) => `${path || '/'}: ${message}`).join('; ');
}

/** Root of all: `code` never changes between releases, `message` may. */
export class KajeError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The request is understood but cannot be accepted; `errors` names each wrong field (HTTP 422). */
export class InvalidRequestError extends KajeError {
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    const told = errors.map(clipped);
    super('INVALID_REQUEST', inWords(told));
    this.errors = told;
  }
}

/** A number of a JSON text that no double holds, and that would be stored as another one (HTTP 400). */
export class InexactNumberError extends KajeError {
  readonly errors: readonly FieldError[];

  /** @param path JSON Pointer to the number, @param literal as it stands there */
  constructor(path: string, literal: string) {
    const message = `expected a number that a double holds, got ${literal}: send it as a text`;
    const told = [clipped({ path, message })];
    super('INEXACT_NUMBER', inWords(told));
    this.errors = told;
  }
}

/** A task was sent again under its id, but asks for something else (HTTP 409). */
export class TaskConflictError extends KajeError {
  constructor(id: string) {
    super(
      'TASK_CONFLICT',
      `Task "${id}" was sent before with another request; choose a new task_id`,
    );
  }
}

/** The task's state does not allow what was asked (HTTP 409). */
export class WrongStateError extends KajeError {
  constructor(id: string, state: string, wanted: string) {
    super('WRONG_STATE', `Task "${id}" is ${state}; this needs ${wanted}`);
  }
}

/** Never sent, forgotten, or its result has expired (HTTP 404). */
export class TaskNotFoundError extends KajeError {
  constructor(id: string) {
    super('TASK_NOT_FOUND', `No task "${id}": it was never sent, was forgotten, or has expired`);
  }
}

/** The queue holds as many tasks as it may (HTTP 429). */
export class QueueFullError extends KajeError {
  constructor(queue: string, max: number) {
    super('QUEUE_FULL', `Queue "${queue}" holds its maximum of ${max} tasks; send again later`);
  }
}

/** A worker is alive but did not answer a command in time (HTTP 504). */
export class WorkerSilentError extends KajeError {
  constructor(worker: string, seconds: number) {
    super(
      'WORKER_SILENT',
      `Worker "${worker}" did not answer within ${seconds} s; it may be blocked by a task`,
    );
  }
}

/** A worker understood a command and refuses it (HTTP 409). */
export class CommandRefusedError extends KajeError {
  constructor(worker: string, reason: string) {
    super('COMMAND_REFUSED', `Worker "${worker}" refused: ${reason}`);
  }
}

/**
 * Redis, or over HTTP the API, cannot be reached or refuses writes (HTTP 503). What was asked for after
 * the request had left, nobody knows: send it again under a `taskId`.
 */
export class BrokerUnavailableError extends KajeError {
  constructor(reason: string, options: { cause?: unknown } = {}) {
    super('BROKER_UNAVAILABLE', `Unavailable: ${reason}`, options);
  }
}

/** `get()` waited as long as it was told to and the task is not ready; the task goes on. */
export class ResultTimeoutError extends KajeError {
  /** @param state what it was last seen in; undefined when it could not be read */
  constructor(id: string, seconds: number, state: string | undefined) {
    const seen = state === undefined ? '' : `, it is ${state}`;
    // The usual reason by far: nobody consumes its queue.
    const advice = state === 'PENDING' ? '; kaje doctor shows whether a worker can take it' : '';
    super('RESULT_TIMEOUT', `Task "${id}" was not ready within ${seconds} s${seen}${advice}`);
  }
}

/** What `get()` throws for a task that ended FAILURE or REVOKED: the task's own error, rebuilt. */
export class TaskFailedError extends KajeError {
  readonly taskId: string;
  /** Class name of the error that the task raised, such as `TypeError`. */
  readonly type: string;
  /** Where the task raised it, as text. */
  readonly traceback: string;

  constructor(taskId: string, error: { type: string; message: string; traceback: string }) {
    super('TASK_FAILED', error.message);
    this.name = error.type;
    this.taskId = taskId;
    this.type = error.type;
    this.traceback = error.traceback;
  }
}

/** A task, an option or a setting is declared wrongly; the process must not start with it. */
export class DefinitionError extends KajeError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('INVALID_DEFINITION', message, options);
  }
}

const CLASSES = [
  KajeError,
  InvalidRequestError,
  InexactNumberError,
  TaskConflictError,
  WrongStateError,
  TaskNotFoundError,
  QueueFullError,
  WorkerSilentError,
  CommandRefusedError,
  BrokerUnavailableError,
  ResultTimeoutError,
  TaskFailedError,
  DefinitionError,
];
for (const Class of CLASSES) brand(Class);
