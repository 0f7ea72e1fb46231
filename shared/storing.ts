/**
 * Stores messages and answers their senders: new ones are added, those under ids of clients and unique
 * ones only where they are not there yet.
 */
import type { createAdmission } from './admission.ts';
import type { Broker } from './broker.ts';
import { QueueFullError, TaskConflictError } from './errors.ts';
import { claimIds } from './idempotency.ts';
import type { TaskMessage } from './message.ts';
import { pendingResult, type TaskRecord } from './results.ts';
import type { AsyncResultBody } from './schemas.ts';
import { findTwins, firstsOf, letGo } from './uniqueness.ts';

export interface Sent {
  readonly id: string;
  readonly state: AsyncResultBody['state'];
  readonly result: AsyncResultBody;
  /** The same request was sent before under this id; nothing new was stored. */
  readonly replayed: boolean;
}

/** One answer for each message, in their order; null for a conflict. */
export type Store = typeof storeFresh;

export const isNamed = ({ body }: TaskMessage) => body.fingerprint !== undefined;
export const repeated = (result: AsyncResultBody): Sent => ({
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

export async function storeFresh(
  broker: Broker,
  messages: readonly TaskMessage[],
): Promise<(Sent | null)[]> {
  await broker.add(messages);
  return messages.map(added);
}

/** Stores separate requests of one tick under their own ids; null for a conflict. */
export async function storeNamed(
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

export async function storeAllOrNone(
  broker: Broker,
  messages: readonly TaskMessage[],
): Promise<Sent[]> {
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
export async function storeUnlessTwins(
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
export function admitNew(broker: Broker, admit: Admission): Admission {
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
export async function repeatOf(broker: Broker, message: TaskMessage): Promise<Sent | undefined> {
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
