/**
 * Accepts requests to send tasks: checks them whole, turns them into messages, stores them.
 * Requests of one tick share one write to Redis, each with its own answer.
 */
import { createAdmission } from './admission.ts';
import type { Broker } from './broker.ts';
import type { Catalog } from './catalog.ts';
import { QueueFullError, TaskConflictError } from './errors.ts';
import { claimIds } from './idempotency.ts';
import type { TaskMessage } from './message.ts';
import { accept, acceptAll, type Sender } from './request.ts';
import { pendingResult, type TaskRecord } from './results.ts';
import type { RouteRule } from './routing.ts';
import type { AsyncResultBody } from './schemas.ts';
import { findTwin, findTwins, firstsOf, letGo } from './uniqueness.ts';

export interface Sent {
  readonly id: string;
  readonly state: AsyncResultBody['state'];
  readonly result: AsyncResultBody;
  /** The same request was sent before under this id; nothing new was stored. */
  readonly replayed: boolean;
}

export interface Producer {
  /**
   * Sends one task.
   * @param request a SendTask body, checked here
   * @param parent the task that sends it
   * @throws InvalidRequestError, TaskConflictError, QueueFullError, BrokerUnavailableError
   */
  send(request: unknown, parent?: Sender['parent']): Promise<Sent>;
  /** Sends many, all or none; fields of errors are counted from `/tasks/0`. */
  sendMany(requests: readonly unknown[]): Promise<Sent[]>;
}

export interface ProducerOptions {
  readonly broker: Broker;
  readonly catalog: Catalog;
  /** Queues of tasks that name none. Default: none */
  readonly routes?: readonly RouteRule[];
  /** Waiting tasks at which a queue takes no more; 0 = no limit. Default: 0 */
  readonly queueMaxLength?: number;
  /** Epoch milliseconds. Default: Date.now */
  readonly now?: () => number;
}

/** Turns of the event loop for which a batch may grow. */
const TURNS_MAX = 5;

interface Waiting {
  readonly message: TaskMessage;
  resolve(sent: Sent): void;
  reject(error: unknown): void;
}

export function createProducer({
  broker,
  catalog,
  routes = [],
  queueMaxLength = 0,
  now = Date.now,
}: ProducerOptions): Producer {
  const sender: Sender = { catalog, routes };
  const admit = admitNew(broker, createAdmission(broker, queueMaxLength, now));
  let waiting: Waiting[] = [];
  let isStoring = false;

  // What comes while a batch is on its way makes the next one: the busier, the fewer writes for each.
  const flush = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    // Those under ids of clients are claimed first, which may take long; nobody waits for them.
    const named = batch.filter(({ message }) => isNamed(message));
    if (named.length > 0) void settle(named, storeNamed);
    isStoring = true;
    await Promise.all(freshLots(batch).map((lot) => settle(lot, storeFresh)));
    isStoring = false;
    if (waiting.length > 0) flushSoon();
  };
  // Behind every request that the sockets deliver, for as long as they deliver more with each turn of
  // the loop: a turn is some microseconds where nothing comes, and a write to Redis costs 15.
  const flushSoon = (seen = 0, turns = 1): void => {
    setImmediate(() => {
      const { length } = waiting;
      if (length > seen && turns < TURNS_MAX) flushSoon(length, turns + 1);
      else void flush();
    });
  };

  const settle = async (batch: readonly Waiting[], store: Store): Promise<void> => {
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

  const sendNow = async (message: TaskMessage): Promise<Sent> => {
    if (queueMaxLength > 0) await admit([message]);
    return new Promise<Sent>((resolve, reject) => {
      if (waiting.push({ message, resolve, reject }) === 1 && !isStoring) flushSoon();
    });
  };

  const sendUnique = async (message: TaskMessage): Promise<Sent> => {
    const repeat = await repeatOf(broker, message);
    if (repeat) return repeat;
    const twin = await findTwin(broker, message);
    if (twin) return repeated(twin.result);
    return sendNow(message).catch(async (error: unknown) => {
      await letGo(broker, [message]);
      throw error;
    });
  };

  return {
    async send(request, parent) {
      const message = await accept(request, parent ? { ...sender, parent } : sender, now(), '');
      return message.unique ? sendUnique(message) : sendNow(message);
    },
    async sendMany(requests) {
      const messages = await acceptAll(requests, sender, now());
      if (messages.some(({ unique }) => unique)) return storeUnlessTwins(broker, messages, admit);
      await admit(messages);
      return storeAllOrNone(broker, messages);
    },
  };
}

type Store = typeof storeFresh;

/** Ids that we made cannot be taken yet: one write to each queue. */
function freshLots(batch: readonly Waiting[]): Waiting[][] {
  const queues = new Map<string, Waiting[]>();
  for (const each of batch) {
    const { queue } = each.message;
    if (isNamed(each.message)) continue;
    const lot = queues.get(queue);
    if (lot) lot.push(each);
    else queues.set(queue, [each]);
  }
  return [...queues.values()];
}

const isNamed = ({ body }: TaskMessage) => body.fingerprint !== undefined;
const repeated = (result: AsyncResultBody): Sent => ({
  id: result.task_id,
  state: result.state,
  result,
  replayed: true,
});
const added = (message: TaskMessage): Sent => new Added(message);

/** Its record is made for those who look at it: senders of many only want the ids. */
class Added implements Sent {
  readonly state = 'PENDING';
  readonly replayed = false;
  readonly #message: TaskMessage;

  constructor(message: TaskMessage) {
    this.#message = message;
  }

  get id(): string {
    return this.#message.id;
  }

  get result(): AsyncResultBody {
    return pendingResult(this.#message);
  }
}

async function storeFresh(
  broker: Broker,
  messages: readonly TaskMessage[],
): Promise<(Sent | null)[]> {
  await broker.add(messages);
  return messages.map(added);
}

/** Stores separate requests of one tick under their own ids; null for a conflict. */
async function storeNamed(
  broker: Broker,
  messages: readonly TaskMessage[],
): Promise<(Sent | null)[]> {
  const { existing, mine, release } = await claimIds(broker, messages);
  try {
    if (mine.length > 0) await broker.add(mine);
  } finally {
    // A claim that cannot be let go of runs out by itself.
    await release().catch(() => undefined);
  }
  const firsts = new Map(mine.map((message) => [message.id, message]));
  return messages.map((message) => {
    const first = firsts.get(message.id);
    if (first === message) return added(message);
    const record = existing.get(message.id);
    const fingerprint = record ? record.fingerprint : first?.body.fingerprint;
    if (fingerprint !== message.body.fingerprint) return null;
    return repeated(record?.result ?? pendingResult(message));
  });
}

async function storeAllOrNone(broker: Broker, messages: readonly TaskMessage[]): Promise<Sent[]> {
  const { existing, mine, release } = await claimIds(broker, messages.filter(isNamed));
  try {
    const answers = messages.map((message) => repeatIn(existing, message));
    const fresh = new Set(mine);
    await broker.add(messages.filter((message) => !isNamed(message) || fresh.has(message)));
    return messages.map((message, i) => answers[i] ?? added(message));
  } finally {
    await release().catch(() => undefined);
  }
}

/** Equal ones that are unique are stored once, and not at all beside one that was sent before. */
async function storeUnlessTwins(
  broker: Broker,
  messages: readonly TaskMessage[],
  admit: Admission,
): Promise<Sent[]> {
  const named = messages.filter((message) => message.unique && isNamed(message));
  const records = await broker.read(named.map(({ id }) => id));
  const repeats = new Set(named.filter((_, i) => records[i]));
  const firsts = firstsOf(messages.filter((message) => !repeats.has(message)));
  const twins = await findTwins(broker, [...firsts.values()]);
  const mine = [...firsts].filter(([hash]) => !twins.has(hash)).map(([, message]) => message);
  const stored = new Set(mine);
  const fresh = messages.filter(
    (message) => !message.unique || repeats.has(message) || stored.has(message),
  );
  try {
    await admit(fresh);
    const sent = await storeAllOrNone(broker, fresh);
    const bySource = new Map(fresh.map((message, i) => [message, sent[i]]));
    return messages.map((message) => {
      const first = firsts.get(message.unique?.hash ?? '') ?? message;
      const result = twins.get(message.unique?.hash ?? '')?.result ?? bySource.get(first)?.result;
      return bySource.get(message) ?? repeated(result ?? pendingResult(message));
    });
  } catch (error) {
    await letGo(broker, mine);
    throw error;
  }
}

type Admission = ReturnType<typeof createAdmission>;

/** What is stored already adds nothing to a full queue. */
function admitNew(broker: Broker, admit: Admission): Admission {
  return (messages) =>
    admit(messages).catch(async (error: unknown) => {
      if (!(error instanceof QueueFullError)) throw error;
      const named = messages.filter(isNamed);
      const records = await broker.read(named.map(({ id }) => id));
      const stored = new Set(named.filter((_, i) => records[i]));
      if (stored.size === 0) throw error;
      await admit(messages.filter((message) => !stored.has(message)));
    });
}

/** The answer to a request that was sent before under its id; undefined when it is new. */
async function repeatOf(broker: Broker, message: TaskMessage): Promise<Sent | undefined> {
  if (!isNamed(message)) return undefined;
  const [record] = await broker.read([message.id]);
  return record ? repeatIn(new Map([[message.id, record]]), message) : undefined;
}

function repeatIn(
  existing: ReadonlyMap<string, TaskRecord>,
  message: TaskMessage,
): Sent | undefined {
  const record = isNamed(message) ? existing.get(message.id) : undefined;
  if (!record) return undefined;
  if (record.fingerprint !== message.body.fingerprint) throw new TaskConflictError(message.id);
  return repeated(record.result);
}
