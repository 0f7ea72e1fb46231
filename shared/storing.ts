/**
 * Stores messages and answers their senders: new ones are added, those under ids of clients and unique
 * ones only where they are not there yet.
 */
import type { Admission } from './admission.ts';
import type { Broker } from './broker.ts';
import { type KajeError, TaskConflictError } from './errors.ts';
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

/** Where tasks are stored, and what keeps its queues from growing too long. */
export interface Storage {
  readonly broker: Broker;
  readonly admission: Admission;
}

/** One answer for each message, in their order: sent, or why it is refused. */
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
  { admission }: Storage,
  messages: readonly TaskMessage[],
): Promise<(Sent | KajeError)[]> {
  const refused = await admission.addFitting(messages);
  return messages.map((message) => refused.get(message) ?? added(message));
}

/** Stores separate requests of one tick under their own ids. */
export async function storeNamed(
  { broker, admission }: Storage,
  messages: readonly TaskMessage[],
): Promise<(Sent | KajeError)[]> {
  const { existing, mine, release } = await claimIds(broker, messages);
  const refused = await admission.addFitting(mine).finally(() => letIdsGo(release));
  const firsts = new Map(mine.map((message) => [message.id, message]));
  return messages.map((message) => {
    const first = firsts.get(message.id);
    const refusal = first && refused.get(first);
    if (refusal) return refusal;
    if (first === message) return added(message);
    const record = existing.get(message.id);
    const fingerprint = record ? record.fingerprint : first?.body.fingerprint;
    if (fingerprint !== message.body.fingerprint) return new TaskConflictError(message.id);
    return repeated(record?.result ?? pendingResult(message));
  });
}

/** A claim that cannot be let go of runs out by itself. */
const letIdsGo = (release: () => Promise<void>) => release().catch(() => undefined);

export async function storeAllOrNone(
  { broker, admission }: Storage,
  messages: readonly TaskMessage[],
): Promise<Sent[]> {
  const { existing, mine, release } = await claimIds(broker, messages.filter(isNamed));
  try {
    const answers = messages.map((message) => repeatIn(existing, message));
    const fresh = new Set(mine);
    await admission.addAll(messages.filter((message) => !isNamed(message) || fresh.has(message)));
    return messages.map((message, i) => answers[i] ?? added(message));
  } finally {
    await letIdsGo(release);
  }
}

/** Equal ones that are unique are stored once, and not at all beside one that was sent before. */
export async function storeUnlessTwins(
  storage: Storage,
  messages: readonly TaskMessage[],
): Promise<Sent[]> {
  const { broker } = storage;
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
    const sent = await storeAllOrNone(storage, fresh);
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
