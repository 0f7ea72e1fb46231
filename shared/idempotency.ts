/**
 * Stores tasks whose ids their clients chose: each once, whatever queue it names and however many
 * processes are told at the same time. BullMQ knows an id within one queue only, so it is claimed first.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from './broker.ts';
import { BrokerUnavailableError } from './errors.ts';
import type { TaskMessage } from './message.ts';
import type { TaskRecord } from './results.ts';

export interface Claimed {
  /** Records of the ids that were stored before. */
  readonly existing: ReadonlyMap<string, TaskRecord>;
  /** The first message of each id that is new: to be stored now. */
  readonly mine: readonly TaskMessage[];
  release(): Promise<void>;
}

/** Another sender holds a claim for some milliseconds; who meets it 50 times has met a dead one. */
const TRIES = 50;

/**
 * Claims the ids of some messages and says which are new.
 * @throws BrokerUnavailableError when others hold an id for too long
 */
export async function claimIds(broker: Broker, messages: readonly TaskMessage[]): Promise<Claimed> {
  const firsts = firstOfEachId(messages);
  const ids = firsts.map(({ id }) => id);
  for (let attempt = 1; attempt <= TRIES && ids.length > 0; attempt++) {
    const held: string[] = [];
    const release = () => broker.release(held);
    const records = await claimAndRead(broker, ids, held).catch(async (error: unknown) => {
      await release().catch(() => undefined);
      throw error;
    });
    if (records) {
      const mine = firsts.filter((_, i) => !records[i]);
      return { existing: recordsById(ids, records), mine, release };
    }
    // All are let go before the next try, so that two batches never wait for each other.
    await release();
    await sleep(5 + Math.random() * 20);
  }
  if (ids.length > 0)
    throw new BrokerUnavailableError('another sender holds this task_id; try again');
  return { existing: new Map(), mine: [], release: async () => undefined };
}

/** Ten thousand in one go kept everybody else waiting for 0.3 s. */
const AT_ONCE = 500;

/**
 * The record of each id, null for those that are new and held now; undefined where another sender holds one.
 * @param held gets the ids that are claimed, also where it throws
 */
async function claimAndRead(
  broker: Broker,
  ids: readonly string[],
  held: string[],
): Promise<readonly (TaskRecord | null)[] | undefined> {
  const all: (TaskRecord | null)[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE);
    // The claim is sent first: whoever stored one of these before has let go of it by then.
    const [claiming, reading] = await Promise.allSettled([broker.claim(some), broker.read(some)]);
    const got = settledValue(claiming);
    held.push(...some.filter((_, i) => got[i]));
    const records = settledValue(reading);
    if (!some.every((_, i) => got[i] || records[i])) return undefined;
    all.push(...records);
  }
  return all;
}

function recordsById(ids: readonly string[], records: readonly (TaskRecord | null)[]) {
  return new Map(ids.flatMap((id, i) => (records[i] ? [[id, records[i]] as const] : [])));
}

function firstOfEachId(messages: readonly TaskMessage[]): TaskMessage[] {
  const firsts = new Map<string, TaskMessage>();
  for (const message of messages) if (!firsts.has(message.id)) firsts.set(message.id, message);
  return [...firsts.values()];
}

function settledValue<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}
