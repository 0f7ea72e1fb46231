/**
 * Accepts requests to send tasks: checks them whole, turns them into messages, stores them.
 * Requests of one tick share one write to Redis, each with its own answer.
 */
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { bind, requestPath } from './binding.ts';
import type { Broker } from './broker.ts';
import type { Catalog } from './catalog.ts';
import {
  type FieldError,
  InvalidRequestError,
  QueueFullError,
  TaskConflictError,
} from './errors.ts';
import { type MessageBody, type TaskMessage, taskIdProblem } from './message.ts';
import { type AsyncResultBody, MAX_COUNTDOWN, SCHEMAS, type SendTaskRequest } from './protocol.ts';
import type { TaskSpec } from './registry.ts';
import { pendingResult } from './results.ts';
import { didYouMean } from './suggest.ts';
import { check } from './validation.ts';

export interface Sent {
  readonly result: AsyncResultBody;
  /** The same request was sent before under this id; nothing new was stored. */
  readonly replayed: boolean;
}

export interface Producer {
  /**
   * Sends one task.
   * @param request a SendTask body, checked here
   * @throws InvalidRequestError, TaskConflictError, QueueFullError, BrokerUnavailableError
   */
  send(request: unknown): Promise<Sent>;
  /** Sends many, all or none; fields of errors are counted from `/tasks/0`. */
  sendMany(requests: readonly unknown[]): Promise<Sent[]>;
}

export interface ProducerOptions {
  readonly broker: Broker;
  readonly catalog: Catalog;
  /** Waiting tasks at which a queue takes no more; 0 = no limit. Default: 0 */
  readonly queueMaxLength?: number;
  /** Epoch milliseconds. Default: Date.now */
  readonly now?: () => number;
}

interface Waiting {
  readonly message: TaskMessage;
  resolve(sent: Sent): void;
  reject(error: unknown): void;
}

export function createProducer({
  broker,
  catalog,
  queueMaxLength = 0,
  now = Date.now,
}: ProducerOptions): Producer {
  const admit = createAdmission(broker, queueMaxLength, now);
  let waiting: Waiting[] = [];

  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    try {
      const answers = await store(
        broker,
        batch.map(({ message }) => message),
      );
      batch.forEach((each, i) => {
        const answer = answers[i];
        if (answer) each.resolve(answer);
        else each.reject(new TaskConflictError(each.message.id));
      });
    } catch (error) {
      for (const each of batch) each.reject(error);
    }
  };

  return {
    async send(request) {
      const message = await accept(request, catalog, now(), '');
      await admit([message]);
      return new Promise<Sent>((resolve, reject) => {
        // setImmediate: every request that the sockets delivered in this tick joins the batch.
        if (waiting.push({ message, resolve, reject }) === 1) setImmediate(flush);
      });
    },
    async sendMany(requests) {
      const messages = await acceptAll(requests, catalog, now());
      await admit(messages);
      return storeAllOrNone(broker, messages);
    },
  };
}

async function acceptAll(
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
      if (errors.length >= 20) break;
    }
  }
  if (errors.length > 0) throw new InvalidRequestError(errors);
  return messages;
}

/** The message of a request; throws InvalidRequestError with paths below `at`. */
async function accept(
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

/** Call over task: what the call leaves open, the task's options say. Absent fields cost no memory. */
function bodyOfRequest(task: SendTaskRequest, spec: TaskSpec, nowMs: number): MessageBody {
  const maxRetries = task.max_retries ?? spec.options.max_retries;
  const resultExpires = task.result_expires ?? spec.options.result_expires;
  const ignoreResult = task.ignore_result ?? spec.options.ignore_result;
  const eta = etaOf(task, nowMs);
  return {
    ...(task.args?.length ? { args: task.args } : {}),
    kwargs: task.kwargs ?? {},
    ...(eta !== undefined ? { eta } : {}),
    ...(maxRetries > 0 ? { max_retries: maxRetries } : {}),
    ...(resultExpires !== null ? { result_expires: resultExpires } : {}),
    ...(ignoreResult ? { ignore_result: true } : {}),
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

const isNamed = ({ body }: TaskMessage) => body.fingerprint !== undefined;
const added = (message: TaskMessage): Sent => ({ result: pendingResult(message), replayed: false });

/** Stores a batch of separate requests; null for a conflict. */
async function store(broker: Broker, messages: readonly TaskMessage[]): Promise<(Sent | null)[]> {
  const named = messages.filter(isNamed);
  const fresh = messages.filter((message) => !isNamed(message));
  // Ids that we made cannot be taken yet: one round trip. Those of clients are looked up first.
  const [answers] = await Promise.all([
    storeNamed(broker, named),
    fresh.length && broker.add(fresh),
  ]);
  return messages.map((message) =>
    isNamed(message) ? (answers.get(message) ?? null) : added(message),
  );
}

async function storeNamed(
  broker: Broker,
  messages: readonly TaskMessage[],
): Promise<Map<TaskMessage, Sent | null>> {
  const answers = new Map<TaskMessage, Sent | null>();
  if (messages.length === 0) return answers;
  const taken = await lookUp(broker, messages);
  const fresh = firstOfEachId(messages.filter(({ id }) => !taken.has(id)));
  if (fresh.length > 0) await broker.add(fresh);
  // Another process may have stored one of these ids in between: the record tells who was first.
  const stored = fresh.length > 0 ? await lookUp(broker, fresh) : taken;
  const first = new Set(fresh);
  for (const message of messages) {
    const record = taken.get(message.id) ?? stored.get(message.id);
    const isSame = !record || record.fingerprint === message.body.fingerprint;
    if (!isSame) answers.set(message, null);
    else if (first.has(message)) answers.set(message, added(message));
    else answers.set(message, { result: record?.result ?? pendingResult(message), replayed: true });
  }
  return answers;
}

async function storeAllOrNone(broker: Broker, messages: readonly TaskMessage[]): Promise<Sent[]> {
  const taken = await lookUp(broker, messages.filter(isNamed));
  const replays = (message: TaskMessage): Sent | undefined => {
    const record = taken.get(message.id);
    if (!record) return undefined;
    if (record.fingerprint !== message.body.fingerprint) throw new TaskConflictError(message.id);
    return { result: record.result, replayed: true };
  };
  const answers = messages.map(replays);
  await broker.add(messages.filter((_, i) => !answers[i]));
  return messages.map((message, i) => answers[i] ?? added(message));
}

async function lookUp(broker: Broker, messages: readonly TaskMessage[]) {
  const ids = [...new Set(messages.map(({ id }) => id))];
  const records = ids.length > 0 ? await broker.read(ids) : [];
  return new Map(ids.flatMap((id, i) => (records[i] ? [[id, records[i]] as const] : [])));
}

function firstOfEachId(messages: readonly TaskMessage[]): TaskMessage[] {
  return [...new Map(messages.toReversed().map((message) => [message.id, message])).values()];
}

/** How long a queue's length is believed before it is read again. */
const LENGTH_AGE_MS = 250;

/** Refuses tasks of a full queue. The length is read at most four times a second, not at each send. */
function createAdmission(broker: Broker, max: number, now: () => number) {
  const lengths = new Map<string, { length: number; readAt: number }>();
  const lengthOf = async (queue: string) => {
    const known = lengths.get(queue);
    if (known && now() - known.readAt < LENGTH_AGE_MS) return known;
    const read = { length: await broker.backlog(queue), readAt: now() };
    lengths.set(queue, read);
    return read;
  };
  return async (messages: readonly TaskMessage[]): Promise<void> => {
    if (max === 0) return;
    const due = messages.filter(({ body }) => body.eta === undefined);
    for (const queue of new Set(due.map((message) => message.queue))) {
      const known = await lengthOf(queue);
      known.length += due.filter((message) => message.queue === queue).length;
      if (known.length > max) throw new QueueFullError(queue, max);
    }
  };
}
