/** A request to send a task, checked whole and turned into the message that is stored. */
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { bind, requestPath } from './binding.ts';
import type { Catalog } from './catalog.ts';
import { type FieldError, InvalidRequestError } from './errors.ts';
import { type MessageBody, type TaskMessage, taskIdProblem } from './message.ts';
import { MAX_COUNTDOWN, SCHEMAS, type SendTaskRequest } from './protocol.ts';
import type { TaskSpec } from './registry.ts';
import { didYouMean } from './suggest.ts';
import { check, ERRORS_MAX } from './validation.ts';

/** The messages of many requests; throws InvalidRequestError with the faults of all, each with its place. */
export async function acceptAll(
  requests: readonly unknown[],
  catalog: Catalog,
  nowMs: number,
): Promise<TaskMessage[]> {
  const messages: TaskMessage[] = [];
  const errors: FieldError[] = [];
  const seen = new Map<string, number>();
  for (const [i, request] of requests.entries()) {
    try {
      const message = await accept(request, catalog, nowMs, `/tasks/${i}`);
      const twin = seen.get(message.id);
      if (twin !== undefined) {
        errors.push({
          path: `/tasks/${i}/task_id`,
          message: `is the same as that of /tasks/${twin}`,
        });
      }
      seen.set(message.id, i);
      messages.push(message);
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      errors.push(...error.errors);
      if (errors.length >= ERRORS_MAX) break;
    }
  }
  if (errors.length > 0) throw new InvalidRequestError(errors);
  return messages;
}

/** The message of a request; throws InvalidRequestError with paths below `at`. */
export async function accept(
  request: unknown,
  catalog: Catalog,
  nowMs: number,
  at: string,
): Promise<TaskMessage> {
  const refuseIf = (errors: readonly FieldError[]) => {
    if (errors.length > 0) {
      throw new InvalidRequestError(
        errors.map(({ path, message }) => ({ path: at + path, message })),
      );
    }
  };
  refuseIf(check(SCHEMAS.SendTask, request));
  // It satisfies the schema that the type is read from.
  const task = request as SendTaskRequest;
  refuseIf(rulesBroken(task, nowMs));
  const spec = await catalog.find(task.name);
  if (!spec) {
    const message = `no worker serves a task "${task.name}"${didYouMean(task.name, catalog.names())}`;
    throw new InvalidRequestError([{ path: `${at}/name`, message }]);
  }
  refuseIf(inputErrors(task, spec));
  return messageOf(task, spec, nowMs);
}

/** What the schema cannot say. */
function rulesBroken(task: SendTaskRequest, nowMs: number): FieldError[] {
  const errors: FieldError[] = [];
  const idProblem = task.task_id === undefined ? undefined : taskIdProblem(task.task_id);
  if (idProblem) errors.push({ path: '/task_id', message: idProblem });
  if (task.eta !== undefined && task.countdown !== undefined) {
    errors.push({ path: '/eta', message: 'excludes countdown: give one of them' });
  }
  // RFC 3339 knows leap seconds, Date does not.
  if (task.eta !== undefined && Number.isNaN(Date.parse(task.eta))) {
    errors.push({ path: '/eta', message: `expected a time that exists, got "${task.eta}"` });
  }
  if (task.eta !== undefined && Date.parse(task.eta) - nowMs > MAX_COUNTDOWN * 1000) {
    errors.push({ path: '/eta', message: 'expected a time within the next ten years' });
  }
  return errors;
}

function inputErrors(task: SendTaskRequest, spec: TaskSpec): FieldError[] {
  const bound = bind(spec, task.args ?? [], task.kwargs ?? {});
  if (!bound.ok) return [...bound.errors];
  if (!spec.input) return [];
  return check(spec.input, bound.input).map(({ path, message }) => ({
    path: requestPath(path, bound.positional),
    message,
  }));
}

function messageOf(task: SendTaskRequest, spec: TaskSpec, nowMs: number): TaskMessage {
  return {
    id: task.task_id ?? uuidv7(),
    name: task.name,
    queue: task.queue ?? spec.options.queue,
    sentAt: nowMs,
    body: bodyOfRequest(task, spec, nowMs),
  };
}

/**
 * Call over task: what the call leaves open, the task's options say. Absent fields cost no memory;
 * what a call turns off is stored, for to the worker an absent field means the task's option.
 */
function bodyOfRequest(task: SendTaskRequest, spec: TaskSpec, nowMs: number): MessageBody {
  const maxRetries = task.max_retries ?? spec.options.max_retries;
  const resultExpires = task.result_expires ?? spec.options.result_expires;
  const ignoreResult = task.ignore_result ?? spec.options.ignore_result;
  const eta = etaOf(task, nowMs);
  return {
    ...(task.args?.length ? { args: task.args } : {}),
    kwargs: task.kwargs ?? {},
    ...(eta !== undefined ? { eta } : {}),
    ...(maxRetries > 0 || task.max_retries === 0 ? { max_retries: maxRetries } : {}),
    ...(resultExpires !== null ? { result_expires: resultExpires } : {}),
    ...(ignoreResult || task.ignore_result === false ? { ignore_result: ignoreResult } : {}),
    ...(task.headers ? { headers: task.headers } : {}),
    ...(task.tags?.length ? { tags: task.tags } : {}),
    ...(task.task_id !== undefined ? { fingerprint: fingerprintOf(task) } : {}),
  };
}

function etaOf({ eta, countdown }: SendTaskRequest, nowMs: number): number | undefined {
  if (eta !== undefined) return Date.parse(eta);
  return countdown !== undefined ? nowMs + Math.round(countdown * 1000) : undefined;
}

/** Equal for equal requests, in whatever order their keys stand. */
function fingerprintOf(task: SendTaskRequest): string {
  return createHash('sha256').update(canonical(task)).digest('base64url').slice(0, 22);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
