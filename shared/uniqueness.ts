/**
 * Keeps a second equal task from being queued while the first has not ended (`unique`): the sender
 * is answered with the first one. Holds over all queues and processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from './broker.ts';
import type { TaskMessage } from './message.ts';
import type { TaskRecord } from './results.ts';

/** Milliseconds in which a sender that has claimed a uniqueness stores its task, unless it died. */
const STORED_WITHIN_MS = 1000;
const LOOK_MS = 50;
/** Messages looked at together. */
const AT_ONCE = 500;

/** The task that a new one must not double; undefined when the new one is to be stored. */
export async function findTwin(
  broker: Pick<Broker, 'claimUnique' | 'read'>,
  { id, unique }: TaskMessage,
): Promise<TaskRecord | undefined> {
  if (!unique) return undefined;
  const { hash, ttlMs } = unique;
  let claim = await broker.claimUnique(hash, id, ttlMs);
  while (claim.holder !== id) {
    const [record] = await broker.read([claim.holder]);
    if (record && !record.result.ready) return record;
    const isOnItsWay = !record && claim.heldMs < STORED_WITHIN_MS;
    if (isOnItsWay) await sleep(LOOK_MS);
    claim = await broker.claimUnique(hash, id, ttlMs, isOnItsWay ? undefined : claim.holder);
  }
  return undefined;
}

/** The same for the first of each uniqueness in a batch, by its hash. */
export async function findTwins(
  broker: Pick<Broker, 'claimUnique' | 'read'>,
  firsts: ReadonlyMap<string, TaskMessage>,
): Promise<ReadonlyMap<string, TaskRecord>> {
  const twins = new Map<string, TaskRecord>();
  const look = async ([hash, first]: readonly [string, TaskMessage]) => {
    const twin = await findTwin(broker, first);
    if (twin) twins.set(hash, twin);
  };
  const all = [...firsts];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    await Promise.all(all.slice(from, from + AT_ONCE).map(look));
  }
  return twins;
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

/** Gives up what was claimed for tasks that are not stored; should that fail, a second does it. */
export async function letGo(
  broker: Pick<Broker, 'claimUnique'>,
  messages: readonly TaskMessage[],
): Promise<void> {
  const releases = messages.flatMap(({ id, unique }) =>
    unique ? [broker.claimUnique(unique.hash, id, 0, id)] : [],
  );
  await Promise.all(releases).catch(() => undefined);
}
