/** A request to send a task, checked whole and turned into the message that is stored. */
import { createHash } from 'node:crypto';
import { type Bound, bind, requestPath } from './binding.ts';
import type { Moment } from './broker.ts';
import type { Catalog } from './catalog.ts';
import { type FieldError, InvalidRequestError } from './errors.ts';
import { newId } from './ids.ts';
import { checkInput } from './inputCheck.ts';
import { DEFAULT_PRIORITY, type MessageBody, type TaskMessage, taskIdProblem } from './message.ts';
import { createPauses } from './pauses.ts';
import type { TaskSpec } from './registry.ts';
import { queueFor, type RouteRule } from './routing.ts';
import { MAX_COUNTDOWN } from './schemas/tasks.ts';
import { SCHEMAS, type SendTaskRequest } from './schemas.ts';
import { didYouMean } from './suggest.ts';
import { limitsProblem } from './taskOptions.ts';
import { check, ERRORS_MAX } from './validation.ts';

/** What a producer knows beside the request itself. */
export interface Sender {
  readonly catalog: Catalog;
  /** Queues of tasks that name none. */
  readonly routes: readonly RouteRule[];
  /** The task that sends this one. */
  readonly parent?: { readonly id: string; readonly rootId: string };
}

/** The messages of many requests; throws InvalidRequestError with the faults of all, each with its place. */
export async function acceptAll(
  requests: readonly unknown[],
  sender: Sender,
  now: Moment,
): Promise<TaskMessage[]> {
  const { catalog } = sender;
  const messages: TaskMessage[] = [];
  const errors: FieldError[] = [];
  const seen = new Map<string, number>();
  const pause = createPauses();
  for (const [i, request] of requests.entries()) {
    const others = pause();
    if (others) await others;
    try {
      const task = checked(request, now);
      // Not by accept: a promise for each of a thousand tasks is a twentieth of the time.
      const spec = catalog.known(task.name) ?? (await catalog.find(task.name));
      const message = accepted(task, spec, sender, now);
      messages.push(message);
      errors.push(...twinErrors(message, i, seen));
    } catch (error) {
      if (!(error instanceof InvalidRequestError)) throw error;
      errors.push(...error.errors.map((each) => ({ ...each, path: `/tasks/${i}${each.path}` })));
      if (errors.length >= ERRORS_MAX) break;
    }
  }
  if (errors.length > 0) throw new InvalidRequestError(errors.slice(0, ERRORS_MAX));
  return messages;
}

/** @param seen id -> its place among the requests; this one is added */
function twinErrors({ id, body }: TaskMessage, i: number, seen: Map<string, number>): FieldError[] {
  // Of ids that we made, no two are the same.
  if (body.fingerprint === undefined) return [];
  const twin = seen.get(id);
  seen.set(id, i);
  if (twin === undefined) return [];
  return [{ path: `/tasks/${i}/task_id`, message: `is the same as that of /tasks/${twin}` }];
}

/** The message of a request; throws InvalidRequestError. */
export async function accept(request: unknown, sender: Sender, now: Moment): Promise<TaskMessage> {
  const task = checked(request, now);
  const spec = sender.catalog.known(task.name) ?? (await sender.catalog.find(task.name));
  return accepted(task, spec, sender, now);
}

/** What can be checked before the task is known. */
function checked(request: unknown, { latest }: Moment): SendTaskRequest {
  refuseIf(check(SCHEMAS.SendTask, request));
  // It satisfies the schema that the type is read from.
  const task = request as SendTaskRequest;
  refuseIf(rulesBroken(task, latest));
  return task;
}

function accepted(
  task: SendTaskRequest,
  spec: TaskSpec | undefined,
  sender: Sender,
  now: Moment,
): TaskMessage {
  if (!spec) {
    const guess = didYouMean(task.name, sender.catalog.names());
    const message = `no worker serves a task "${task.name}"${guess}`;
    throw new InvalidRequestError([{ path: '/name', message }]);
  }
  refuseIf(limitErrors(task, spec));
  const bound = bind(spec, task.args ?? [], task.kwargs ?? {});
  refuseIf(bound.ok ? inputErrors(bound, spec) : bound.errors);
  const message = messageOf(task, spec, sender, now);
  const unique = bound.ok ? uniquenessOf(spec, bound.input, task.args ?? []) : undefined;
  return unique ? { ...message, unique } : message;
}

function refuseIf(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw new InvalidRequestError(errors);
}

/** What the schema cannot say. */
function rulesBroken({ task_id, eta, countdown, expires }: SendTaskRequest, nowMs: number) {
  const errors: FieldError[] = [];
  const idProblem = task_id === undefined ? undefined : taskIdProblem(task_id);
  if (idProblem) errors.push({ path: '/task_id', message: idProblem });
  if (eta !== undefined && countdown !== undefined)
    errors.push({ path: '/eta', message: 'excludes countdown: give one of them' });
  if (eta !== undefined) errors.push(...timeErrors('/eta', eta, nowMs));
  if (expires !== undefined) errors.push(...timeErrors('/expires', expires, nowMs));
  return errors;
}

function timeErrors(path: string, time: string | number, nowMs: number): FieldError[] {
  const ms = typeof time === 'number' ? nowMs + time * 1000 : Date.parse(time);
  // RFC 3339 knows leap seconds, Date does not.
  if (Number.isNaN(ms)) return [{ path, message: `expected a time that exists, got "${time}"` }];
  if (ms - nowMs <= MAX_COUNTDOWN * 1000) return [];
  return [{ path, message: 'expected a time within the next ten years' }];
}

/** A soft limit above the hard one would never be met (Celery: ValueError at the call). */
function limitErrors(task: SendTaskRequest, { options }: TaskSpec): FieldError[] {
  const hard = task.time_limit ?? options.time_limit ?? undefined;
  const soft = task.soft_time_limit ?? options.soft_time_limit ?? undefined;
  const problem = limitsProblem(soft, hard);
  if (problem === undefined) return [];
  const path = task.soft_time_limit === undefined ? '/time_limit' : '/soft_time_limit';
  return [{ path, message: `expected ${problem}` }];
}

function inputErrors(bound: Extract<Bound, { ok: true }>, spec: TaskSpec): FieldError[] {
  if (!spec.input) return [];
  return checkInput(spec.input, bound.input).map(({ path, message }) => ({
    path: requestPath(path, bound.positional),
    message,
  }));
}

/** Two tasks are equal when their names and these properties of their inputs are. */
function uniquenessOf(
  { name, validates, options: { unique } }: TaskSpec,
  input: Readonly<Record<string, unknown>>,
  args: readonly unknown[],
): TaskMessage['unique'] {
  if (!unique) return undefined;
  const key = unique.key ? unique.key.map((property) => input[property] ?? null) : input;
  // Without a schema, positional arguments are no part of the input: nobody knows their names.
  const extra = validates ? [] : args;
  return { hash: hashOf([name, key, extra]), ttlMs: unique.ttl * 1000 };
}

function messageOf(
  task: SendTaskRequest,
  spec: TaskSpec,
  { routes, parent }: Sender,
  { earliest, latest }: Moment,
): TaskMessage {
  // Spans count from the latest time, so that nothing starts or ends early, and are whole beside sent_at;
  // what may start at once was sent at the earliest, or it would seem to start before.
  const sentAt = hasSpan(task, spec) ? latest : earliest;
  const body = bodyOfRequest(task, spec, sentAt);
  return {
    id: task.task_id ?? newId(),
    name: task.name,
    queue: queueFor(task.name, task.queue, spec.options.queue, routes),
    sentAt,
    body: parent ? { ...body, parent_id: parent.id, root_id: parent.rootId } : body,
  };
}

/**
 * Call over task: what the call leaves open, the task's options say. Absent fields cost no memory;
 * what a call turns off is stored, for to the worker an absent field means the task's option.
 */
function bodyOfRequest(task: SendTaskRequest, spec: TaskSpec, nowMs: number): MessageBody {
  // Field by field: one object for each that may be there cost more than all the rest.
  const body: Body = {};
  if (task.args?.length) body.args = task.args;
  body.kwargs = task.kwargs ?? {};
  addTimes(body, task, spec, nowMs);
  addOptions(body, task, spec);
  if (task.headers) body.headers = task.headers;
  if (task.tags?.length) body.tags = task.tags;
  if (task.task_id !== undefined) body.fingerprint = fingerprintOf(task);
  return body;
}

type Body = { -readonly [K in keyof MessageBody]: MessageBody[K] };

function addTimes(body: Body, task: SendTaskRequest, spec: TaskSpec, nowMs: number): void {
  const eta = etaOf(task, nowMs);
  if (eta !== undefined) body.eta = eta;
  const expires = expiryOf(task, spec, nowMs);
  if (expires !== undefined) body.expires = expires;
  if (task.time_limit !== undefined) body.time_limit = task.time_limit;
  if (task.soft_time_limit !== undefined) body.soft_time_limit = task.soft_time_limit;
}

function addOptions(body: Body, task: SendTaskRequest, { options }: TaskSpec): void {
  const priority = task.priority ?? options.priority ?? DEFAULT_PRIORITY;
  if (priority !== DEFAULT_PRIORITY) body.priority = priority;
  const maxRetries = task.max_retries ?? options.max_retries;
  if (maxRetries > 0 || task.max_retries === 0) body.max_retries = maxRetries;
  const resultExpires = task.result_expires ?? options.result_expires;
  if (resultExpires !== null) body.result_expires = resultExpires;
  const ignoreResult = task.ignore_result ?? options.ignore_result;
  if (ignoreResult || task.ignore_result === false) body.ignore_result = ignoreResult;
}

function hasSpan({ countdown, expires }: SendTaskRequest, { options }: TaskSpec): boolean {
  return countdown !== undefined || typeof (expires ?? options.expires) === 'number';
}

/** Seconds count from the send; a time is a time. */
function expiryOf(
  { expires }: SendTaskRequest,
  { options }: TaskSpec,
  nowMs: number,
): number | undefined {
  if (typeof expires === 'string') return Date.parse(expires);
  const seconds = expires ?? options.expires ?? undefined;
  return seconds === undefined ? undefined : nowMs + Math.round(seconds * 1000);
}

function etaOf({ eta, countdown }: SendTaskRequest, nowMs: number): number | undefined {
  if (eta !== undefined) return Date.parse(eta);
  return countdown !== undefined ? nowMs + Math.round(countdown * 1000) : undefined;
}

/**
 * Equal for equal requests, in whatever order their keys stand: nothing given is as an empty list or
 * object. What the task's options say is no part of it, or a deployment would make another request of it.
 */
function fingerprintOf(task: SendTaskRequest): string {
  return hashOf(Object.fromEntries(Object.entries(task).filter(([, value]) => !isEmpty(value))));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function hashOf(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('base64url').slice(0, 22);
}

/** JSON with the names of each object in order; those that look like numbers come first, as in any object. */
function canonical(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object' || value === null) return String(JSON.stringify(value));
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const members = inOrder(Object.keys(value)).map(
    (name) => `${quoted(name)}:${canonical(Reflect.get(value, name))}`,
  );
  return `{${members.join(',')}}`;
}

/** As JSON.stringify, which for a name takes five times as long. */
function quoted(text: string): string {
  return text.length < 100 && /^[\w .:/-]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

function inOrder(names: string[]): string[] {
  const start = names.findIndex((name) => !isIndex(name));
  return start < 0 ? names : [...names.slice(0, start), ...names.slice(start).sort()];
}

/** Whether objects have it before all other names, by its number. */
function isIndex(name: string): boolean {
  return String(Number(name) >>> 0) === name && name !== '4294967295';
}
