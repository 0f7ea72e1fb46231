/**
 * Keeps a second equal task from being queued while the first has not ended (`unique`): the sender
 * is answered with the first one. Holds over all queues and processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from './broker.ts';
import { BrokerUnavailableError } from './errors.ts';
import type { TaskMessage } from './message.ts';
import type { TaskRecord } from './results.ts';

/** Milliseconds in which a sender that has claimed a uniqueness stores its task, unless it died. */
const STORED_WITHIN_MS = 10_000;
/** Milliseconds that others wait for it: ten thousand tasks are stored in less. */
const WAIT_MS = 2000;
const LOOK_MS = 50;
/** Claims in one script, which Redis runs in one go. */
const AT_ONCE = 500;

type UniqueMessage = TaskMessage & { readonly unique: NonNullable<TaskMessage['unique']> };
type Twins = ReadonlyMap<string, TaskRecord>;

/** The task that a new one must not double; undefined when the new one is to be stored. */
export async function findTwin(
  broker: Pick<Broker, 'claimUnique' | 'read'>,
  message: TaskMessage,
): Promise<TaskRecord | undefined> {
  const { unique } = message;
  return unique && (await findTwins(broker, [message])).get(unique.hash);
}

/**
 * The same for many with different uniquenesses, by their hashes; what has no twin is claimed.
 * @throws BrokerUnavailableError when another sender claims one for long and stores nothing
 */
export async function findTwins(
  broker: Pick<Broker, 'claimUnique' | 'read'>,
  messages: readonly TaskMessage[],
): Promise<Twins> {
  // All senders in one order, and of each lot all or none: so that no two ever wait for each other.
  const sorted = messages.filter(isUnique).sort((a, b) => (a.unique.hash < b.unique.hash ? -1 : 1));
  const twins = new Map<string, TaskRecord>();
  const until = performance.now() + WAIT_MS;
  try {
    for (let from = 0; from < sorted.length; from += AT_ONCE) {
      const found = await claimLot(broker, sorted.slice(from, from + AT_ONCE), until);
      for (const [hash, twin] of found) twins.set(hash, twin);
    }
    return twins;
  } catch (error) {
    await letGo(broker, sorted);
    throw error;
  }
}

async function claimLot(
  broker: Pick<Broker, 'claimUnique' | 'read'>,
  lot: readonly UniqueMessage[],
  until: number,
): Promise<Twins> {
  const twins = new Map<string, TaskRecord>();
  /** Holders that have ended or died, by hash. */
  const over = new Map<string, string>();
  for (;;) {
    const open = lot.filter(({ unique }) => !twins.has(unique.hash));
    const claims = open.map(({ id, unique }) => ({
      id,
      ...unique,
      instead: over.get(unique.hash),
    }));
    const answers = await broker.claimUnique(claims);
    const held = claims.flatMap(({ id, hash }, i) => {
      const answer = answers[i];
      return answer && answer.holder !== id ? [{ hash, ...answer }] : [];
    });
    if (held.length === 0) return twins;
    const records = await broker.read(held.map(({ holder }) => holder));
    let isOnItsWay = false;
    for (const [i, { hash, holder, heldMs }] of held.entries()) {
      const record = records[i];
      if (record && !record.result.ready) twins.set(hash, record);
      else if (record || !isFresh(heldMs)) over.set(hash, holder);
      else isOnItsWay = true;
    }
    if (isOnItsWay) await awaitOther(until);
  }
}

const isUnique = (message: TaskMessage): message is UniqueMessage => message.unique !== undefined;

/** What is stored is as old as can be: see brokers/queues.ts. Below 0 Redis' clock was set back. */
const isFresh = (heldMs: number) => heldMs >= 0 && heldMs < STORED_WITHIN_MS;

async function awaitOther(until: number): Promise<void> {
  if (performance.now() >= until)
    throw new BrokerUnavailableError('another sender is storing an equal task; try again');
  await sleep(LOOK_MS);
}

/** The first of each uniqueness in a batch, by its hash. */
export function firstsOf(messages: readonly TaskMessage[]): ReadonlyMap<string, TaskMessage> {
  const firsts = new Map<string, TaskMessage>();
  for (const message of messages) {
    if (message.unique && !firsts.has(message.unique.hash))
      firsts.set(message.unique.hash, message);
  }
  return firsts;
}

/** Gives up what was claimed for tasks that are not stored; should that fail, time does it. */
export async function letGo(
  broker: Pick<Broker, 'claimUnique'>,
  messages: readonly TaskMessage[],
): Promise<void> {
  // One by one: what somebody else holds is left to him.
  const releases = messages.flatMap(({ id, unique }) =>
    unique ? [broker.claimUnique([{ id, hash: unique.hash, ttlMs: 0 }])] : [],
  );
  await Promise.all(releases).catch(() => undefined);
}
