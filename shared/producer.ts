/**
 * Accepts requests to send tasks: checks them whole, turns them into messages, stores them.
 * Requests of one tick share one write to Redis, each with its own answer.
 */
import { createAdmission } from './admission.ts';
import type { Broker } from './broker.ts';
import type { Catalog } from './catalog.ts';
import { TaskConflictError } from './errors.ts';
import type { TaskMessage } from './message.ts';
import type { AsyncResultBody } from './protocol.ts';
import { accept, acceptAll } from './request.ts';
import { pendingResult, type TaskRecord } from './results.ts';

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
      try {
        await admit([message]);
      } catch (error) {
        // What is stored already adds nothing to a full queue.
        const repeat = await repeatOf(broker, message);
        if (repeat) return repeat;
        throw error;
      }
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

/** The answer to a request that was sent before under its id; undefined when it is new. */
async function repeatOf(broker: Broker, message: TaskMessage): Promise<Sent | undefined> {
  const record = isNamed(message) ? (await lookUp(broker, [message])).get(message.id) : undefined;
  return record && replayed(message, record);
}

function replayed({ id, body }: TaskMessage, record: TaskRecord): Sent {
  if (record.fingerprint !== body.fingerprint) throw new TaskConflictError(id);
  return { result: record.result, replayed: true };
}

async function storeAllOrNone(broker: Broker, messages: readonly TaskMessage[]): Promise<Sent[]> {
  const taken = await lookUp(broker, messages.filter(isNamed));
  const answers = messages.map((message) => {
    const record = taken.get(message.id);
    return record && replayed(message, record);
  });
  const fresh = messages.filter((_, i) => !answers[i]);
  await broker.add(fresh);
  // Another process may have stored one of these ids in between: the record tells who was first.
  const named = fresh.filter(isNamed);
  const stored = await lookUp(broker, named);
  for (const message of named) {
    const record = stored.get(message.id);
    if (record) replayed(message, record);
  }
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
