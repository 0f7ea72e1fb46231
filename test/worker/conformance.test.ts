/** Our scripts for many tasks against BullMQ's for one: the same keys after the same operations. */

import { setImmediate } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { createKeys } from '../../shared/keys.ts';
import { addTasks } from '../../shared/scripts.ts';
import { createBackend } from '../../worker/backend.ts';
import { createBatchFiling } from '../../worker/batchFiling.ts';
import { finishTasks } from '../../worker/bullScripts.ts';
import type { Delivery } from '../../worker/delivery.ts';
import type { Ending } from '../../worker/ending.ts';
import { createFiling, type Filing } from '../../worker/filing.ts';
import { retentionOf } from '../../worker/retention.ts';
import { defer } from '../support/defer.ts';
import { type Dump, dumpQueue } from '../support/dump.ts';
import { createRandom } from '../support/random.ts';
import { testConfig } from '../support/redis.ts';
import { testTools } from '../support/tools.ts';

interface Side {
  readonly base: string;
  readonly redis: Redis;
  readonly queue: Queue;
  readonly filing: Filing;
  add(tasks: readonly Added[]): Promise<void>;
  /** Takes up to so many tasks. */
  take(slots: readonly string[]): Promise<readonly Delivery[]>;
  /** Files these, at once or one after the other; resolves with what their slots got. */
  file(ends: readonly End[]): Promise<readonly (Delivery | undefined)[]>;
}

interface Added {
  readonly id: string;
  readonly data: string;
  readonly delay: number;
  readonly priority: number;
  /** Before now, milliseconds. */
  readonly age: number;
}

interface End {
  readonly delivery: Delivery;
  readonly ending: Ending;
  readonly fetchNext: boolean;
}

/** Two queues that go through the same: one by BullMQ's scripts, one by ours. */
async function startSides(given: { resultsMax?: number } = {}): Promise<[bull: Side, ours: Side]> {
  const config = testConfig(given);
  const tools = testTools(config, []);
  const { redis, worker, clock } = tools;
  const keys = createKeys(config.prefix);

  const sideOf = async (name: string) => {
    const backend = createBackend(name, tools);
    const queue = new Queue(name, { connection: redis, prefix: config.prefix });
    defer(() => Promise.all([backend.close(true), queue.close()]));
    await queue.waitUntilReady();
    const base = keys.queueBase(name);
    return {
      base,
      redis,
      queue,
      backend,
      alone: createFiling({ backend, worker, clock, keptS: config.resultExpires }, () => undefined),
    };
  };
  const bull = await sideOf('bull');
  const ours = await sideOf('ours');
  const filing = createBatchFiling({
    backend: ours.backend,
    keys,
    worker,
    retention: retentionOf(tools),
    script: finishTasks(redis),
    concurrency: () => 100,
    alone: ours.alone,
  });
  return [
    {
      ...bull,
      filing: bull.alone,
      async add(tasks) {
        for (const { id, data, age, delay, priority } of tasks) {
          const { queue } = bull;
          const opts = {
            attempts: 0,
            ...(delay > 0 ? { delay } : {}),
            ...(priority > 0 ? { priority } : {}),
          };
          const job = { name: 'work', data, opts, timestamp: Date.now() - age, delay, priority };
          // The fields that an add reads.
          await queue.getBackend().addJob(job as never, id);
        }
      },
      async take(slots) {
        const taken: Delivery[] = [];
        for (const slot of slots) taken.push(...(await bull.alone.take([slot])).deliveries);
        return taken;
      },
      async file(ends) {
        const next: (Delivery | undefined)[] = [];
        for (const { delivery, ending, fetchNext } of ends) {
          next.push(await bull.alone.file(delivery, ending, fetchNext));
        }
        return next;
      },
    },
    {
      ...ours,
      filing,
      async add(tasks) {
        const timestamp = Date.now();
        const stored = tasks.map(({ age, ...task }, at) => ({
          ...task,
          queue: 'ours',
          name: 'work',
          // Of several times, as of one.
          timestamp: timestamp - age + (at >> 1),
        }));
        await addTasks(redis, keys, { deadlineMs: Date.now() + 60_000, tasks: stored });
      },
      take: async (slots) => (await filing.take(slots)).deliveries,
      file: (ends) =>
        Promise.all(
          ends.map(({ delivery, ending, fetchNext }) => filing.file(delivery, ending, fetchNext)),
        ),
    },
  ];
}

/** What may be told of a delivery: times differ. */
function told(deliveries: readonly (Delivery | undefined)[]) {
  return deliveries.map((each) => each && { ...each, timestamp: 0 });
}

const completed = (value: string): Ending => ({ kind: 'completed', value });
const failed: Ending = { kind: 'failed', reason: 'Error: no', stacktrace: '["Error: no"]' };

/** Filed alone, also by ours: in company it would get another next task. */
function isSpecial({ opts }: Delivery): boolean {
  return opts.removeOnComplete !== undefined || opts.deduplication !== undefined;
}

/** Of results of one millisecond, which of them is the oldest is a matter of their names. */
async function nextMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() === now) await setImmediate();
}

/**
 * BullMQ leaves its sign that a task may be there also when it takes the last one; ours does not, and
 * where none is there it says nothing.
 */
function withoutIdleMarker({ marker, ...dump }: Dump): Dump {
  if (!marker || 'wait' in dump || 'prioritized' in dump) return { ...dump, marker };
  return { ...dump, marker: signsOf(marker, ([member]) => member !== '0') };
}

/** A pause takes away the sign that says when the next is due. When ours takes the last one it sets it again. */
function withoutOwnDue({ marker, ...ours }: Dump, bull: Dump): Dump {
  const isKnown = marker && bull.marker && signsOf(bull.marker, isDue);
  return {
    ...ours,
    marker: marker && (isKnown ? marker : signsOf(marker, (sign) => !isDue(sign))),
  };
}

type Marker = NonNullable<Dump[string]>;

const isDue = ([member]: string[]) => member === '1';

function signsOf(marker: Marker, isMeant: (sign: string[]) => boolean): Marker | undefined {
  const value = (marker.value as string[][]).filter(isMeant); // Of a sorted set.
  return value.length > 0 ? { ...marker, value } : undefined;
}

/** Does the same on both sides, and compares what they answer and what they leave behind. */
async function runBoth(seed: number, steps: number): Promise<void> {
  const { below, chance } = createRandom(seed);
  const evicts = seed % 2 === 0;
  const [bull, ours] = await startSides(evicts ? { resultsMax: 5 } : {});
  const held: [bull: Delivery, ours: Delivery][] = [];
  let ids = 0;
  let slots = 0;

  const both = async <T>(act: (side: Side) => Promise<T>): Promise<[T, T]> => [
    await act(bull),
    await act(ours),
  ];
  const hold = (
    mine: readonly (Delivery | undefined)[],
    its: readonly (Delivery | undefined)[],
  ) => {
    expect(told(its)).to.deep.equal(told(mine));
    mine.forEach((delivery, i) => {
      const other = its[i];
      if (delivery && other) held.push([delivery, other]);
    });
  };
  const plain = { delay: 0, priority: 0, age: 0 };
  const KINDS = [
    plain,
    plain,
    { ...plain, priority: 1 },
    { ...plain, priority: 9 },
    { ...plain, delay: 1_000_000_000 },
    { ...plain, delay: 1_000_000_000, priority: 3 },
    // Due since long.
    { delay: 1000, priority: 0, age: 100_000 },
    { delay: 1000, priority: 3, age: 100_000 },
  ];
  /** Of BullMQ's own ways to add: not ours, but ours must live with them. */
  const OTHERS = [
    { priority: 1 },
    { priority: 400_000 },
    { delay: 1_000_000_000 },
    // Due since long.
    { delay: 1000, timestamp: Date.now() - 100_000 },
    { delay: 1000, timestamp: Date.now() - 100_000, priority: 3 },
    { removeOnComplete: true },
    { attempts: 1, lifo: true },
    { deduplication: { id: 'same' } },
  ];
  const addSome = async () => {
    const tasks = Array.from({ length: 1 + below(6) }, () => ({
      // Some twice.
      id: `t${chance(0.1) ? below(ids + 1) : ids++}`,
      data: JSON.stringify({ kwargs: { n: below(1000), text: 'é"\n' } }),
      ...KINDS[below(KINDS.length)]!,
    }));
    await both((side) => side.add(tasks));
  };
  const addOther = async () => {
    const opts = { jobId: `t${ids++}`, ...OTHERS[below(OTHERS.length)] };
    const timestamp = Date.now();
    await both(({ queue }) => queue.add('other', { a: 1 }, { timestamp, ...opts }));
  };
  const takeSome = async () => {
    const tokens = Array.from({ length: 1 + below(4) }, () => `slot-${slots++}`);
    const [mine, its] = await both((side) => side.take(tokens));
    hold(mine, its);
  };
  const fileSome = async () => {
    const isAlone = evicts || held.slice(0, 5).some(([each]) => isSpecial(each));
    const some = held.splice(0, isAlone ? 1 : 1 + below(5));
    if (evicts) await nextMillisecond();
    const how = some.map(() => ({
      ending: chance(0.7) ? completed(JSON.stringify({ n: below(100) })) : failed,
      fetchNext: chance(0.8),
    }));
    const endsOf = (at: 0 | 1): End[] =>
      some.flatMap((pair, i) => (how[i] ? [{ delivery: pair[at], ...how[i] }] : []));
    hold(await bull.file(endsOf(0)), await ours.file(endsOf(1)));
  };
  /** What is not this worker's any more, by a stolen lock or a hash that is gone. */
  const fileLost = async () => {
    const [pair] = held.splice(0, 1);
    if (!pair) return;
    const isGone = chance(0.3);
    const refusals = await both(async (side) => {
      const delivery = pair[side === bull ? 0 : 1];
      const key = side.base + delivery.id;
      await (isGone
        ? side.redis.del(key)
        : side.redis.set(`${key}:lock`, 'of another', 'PX', 60_000));
      const end = { delivery, ending: completed('1'), fetchNext: true };
      return side.file([end]).then(() => 'filed', String);
    });
    expect(refusals[1])
      .to.equal(refusals[0])
      .and.to.match(/Missing key|Lock mismatch/);
  };
  const pause = () => both(({ queue }) => queue.pause());
  const resume = () => both(({ queue }) => queue.resume());
  const acts = [
    addSome,
    addSome,
    addOther,
    takeSome,
    takeSome,
    fileSome,
    fileSome,
    fileLost,
    pause,
    resume,
    resume,
  ];

  for (let step = 0; step < steps; step++) {
    await acts[below(acts.length)]?.();
    const [expected, left] = await both(async ({ redis, base }) =>
      withoutIdleMarker(await dumpQueue(redis, base)),
    );
    const found = withoutOwnDue(left, expected);
    for (const key of new Set([...Object.keys(expected), ...Object.keys(found)])) {
      expect(found[key], `${key} after step ${step}`).to.deep.equal(expected[key]);
    }
  }
}

describe('the scripts for many tasks', () => {
  for (let seed = 1; seed <= 6; seed++) {
    it(`leave every key as BullMQ's scripts for one leave it, seed ${seed}`, () =>
      runBoth(seed, 50));
  }

  for (const ending of [completed('1'), failed]) {
    it(`keep a result as long as its task says, from the moment of its end: ${ending.kind}`, async () => {
      // As many as are kept: the one that is kept for the shortest time is not removed at its end.
      for (const side of await startSides({ resultsMax: 2 })) {
        const bodies = {
          zShort: { result_expires: 60 },
          usual: {},
          odd: { result_expires: 'soon' },
          long: { result_expires: 1e6 },
        };
        const set = `${side.base}${ending.kind}`;
        const laters: number[] = [];
        for (const [id, body] of Object.entries(bodies).reverse()) {
          await side.add([
            { id, data: JSON.stringify({ kwargs: {}, ...body }), delay: 0, priority: 0, age: 0 },
          ]);
          const [delivery] = await side.take([`token-${id}`]);
          if (!delivery) throw new Error('Nothing to take');
          await side.file([{ delivery, ending, fetchNext: false }]);
          const endedAt = Number(await side.redis.hget(`${side.base}${id}`, 'finishedOn'));
          laters.push(Number(await side.redis.zscore(set, id)) - endedAt);
        }
        expect(laters).to.deep.equal([1e9 - 86_400_000, 0, 0, 60_000 - 86_400_000]);
      }
    });
  }
});
