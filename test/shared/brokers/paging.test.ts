/** Pages of the list of tasks while the tasks move: what stays comes once. */
import { expect } from 'chai';
import type { Broker, TaskQuery } from '../../../shared/broker.ts';
import { cursorText } from '../../../shared/brokers/cursor.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { endStored, type Stored, startStored } from '../../support/stored.ts';

const NOW = Date.now();
const MINUTE = 60_000;

type Test = Awaited<ReturnType<typeof startTestBroker>>;

/** Ids of all pages in their order, with what happens between the pages. */
async function walk(
  broker: Broker,
  query: Partial<TaskQuery>,
  between: (seen: readonly string[], page: number) => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | null | undefined;
  for (let n = 1; cursor !== null; n++) {
    const page = await broker.list({ limit: 50, ...query, ...(cursor ? { cursor } : {}) });
    ids.push(...page.tasks.map(({ task_id: id }) => id));
    cursor = page.next_cursor;
    if (n > 2000) throw new Error('There is always another page');
    await between(ids, n);
  }
  return ids;
}

const numbered = (count: number, name = 't') => Array.from({ length: count }, (_, i) => name + i);

/** The newest first. */
const send = (broker: Broker, ids: readonly string[], sentAt: (i: number) => number) =>
  broker.add(ids.map((id, i) => messageOf(id, { sentAt: sentAt(i) })).toReversed());

const waitOf = ({ keys }: Stored) => `${keys.queueBase('default')}wait`;

/** Pseudo-random numbers below `below`, the same for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('pages of tasks', () => {
  it('have waiting tasks once each, though new ones come and old ones go', async () => {
    const test = await startTestBroker();
    const ids = numbered(300);
    await send(test.broker, ids, (i) => NOW - i);
    const seen = await walk(test.broker, { limit: 40 }, async (_, page) => {
      await send(test.broker, numbered(30, `new${page}-`), (i) => NOW + page * 100 + i);
      await test.redis.rpop(waitOf(test), 10);
    });
    const stayed = ids.slice(0, 230);
    expect(seen.filter((id) => stayed.includes(id))).to.deep.equal(stayed);
    expect(new Set(seen).size).to.equal(seen.length);
  });

  it('have tasks of one moment once each, sent or ended, while others come', async () => {
    const test = await startTestBroker();
    const [sent, ended] = [numbered(600, 'sent'), numbered(600, 'ended')];
    await send(test.broker, ended, () => NOW - MINUTE);
    for (const id of ended) await endStored(test, id, { at: NOW - MINUTE });
    await send(test.broker, sent, () => NOW - MINUTE);
    const seen = await walk(test.broker, { limit: 70 }, async (_, page) => {
      if (page < 10) await send(test.broker, numbered(400, `new${page}-`), () => NOW - MINUTE);
    });
    const all = [...sent, ...ended];
    expect(seen.filter((id) => all.includes(id))).to.have.members(all);
    expect(new Set(seen).size).to.equal(seen.length);
  });

  it('go on behind a task that is gone since, wherever it was', async () => {
    const test = await startTestBroker();
    const ids = numbered(100);
    await send(test.broker, ids, (i) => NOW - i);
    for (const id of ids.slice(50)) await endStored(test, id, { at: NOW - MINUTE });
    const seen = await walk(test.broker, { limit: 7 }, async (soFar, page) => {
      const last = soFar.at(-1) ?? '';
      await test.redis.lrem(waitOf(test), 1, last);
      await test.redis.zrem(test.keys.finished('default', true), last);
      await send(test.broker, [`new${page}`], () => NOW + page);
    });
    expect(seen).to.have.members(ids);
    expect(seen.length).to.equal(100);
  });

  it('have running tasks once each that go on while others end and start', async () => {
    const test = await startTestBroker();
    const ids = numbered(120);
    await send(test.broker, ids, (i) => NOW - i);
    const isLong = (id: string) => ids.indexOf(id) % 3 === 0;
    for (const id of ids.slice(0, 90).toReversed()) {
      await startStored(test, id, NOW - Math.floor(ids.indexOf(id) / 4));
    }
    let starting = 90;
    const seen = await walk(test.broker, { limit: 10, states: ['STARTED'] }, async (soFar) => {
      for (const id of soFar.slice(-10).filter((each) => !isLong(each))) {
        await endStored(test, id, { at: NOW });
      }
      if (starting < 120) await startStored(test, ids[starting++] ?? '', NOW + starting);
    });
    expect(seen.filter(isLong)).to.have.members(ids.slice(0, 90).filter(isLong));
    expect(new Set(seen).size).to.equal(seen.length);
  });

  it('find a list in no order of time again, as after many tasks came due', async () => {
    const test = await startTestBroker();
    const pick = random(7);
    const ids = numbered(3000);
    await send(test.broker, ids, () => NOW - pick(MINUTE));
    const seen = await walk(test.broker, { limit: 200 }, async (_, page) => {
      await send(test.broker, numbered(3, `new${page}-`), () => NOW - pick(MINUTE));
      await test.redis.rpop(waitOf(test), 1);
    });
    const stayed = ids.slice(0, 2900);
    expect(seen.filter((id) => stayed.includes(id))).to.have.members(stayed);
    expect(new Set(seen).size).to.equal(seen.length);
  });

  it('are done with such a list when workers have taken all that was left of it', async () => {
    const test = await startTestBroker();
    const pick = random(8);
    const ids = numbered(300);
    await send(test.broker, ids, () => NOW - pick(MINUTE));
    const seen = await walk(test.broker, { limit: 50, states: ['PENDING'] }, async (_, page) => {
      if (page !== 2) return;
      for (const id of ids.slice(90).toReversed()) await startStored(test, id, NOW);
    });
    expect(seen).to.have.members(ids.slice(0, 100));
    expect(seen.length).to.equal(100);
  });

  it('go on in the middle of a very long list, whether it stands or moves', async () => {
    const test = await startTestBroker();
    const ids = await fillList(test, 104_000);
    const behind = async (i: number) => {
      const place = [NOW - Math.floor(i / 50), i, ids.length - 1 - i, ids[i] ?? ''];
      const cursor = cursorText({ now: NOW, places: new Map([['default', { lw: place }]]) });
      return (await test.broker.list({ limit: 3, cursor })).tasks.map((task) => task.task_id);
    };
    await test.broker.add([messageOf('newer', { sentAt: NOW + 1 })]);
    await test.redis.rpop(waitOf(test), 2);
    expect(await behind(51_925)).to.have.members(ids.slice(51_926, 51_929));
    // At its head it stands as it was; what is in its middle says nothing of where the others are.
    await test.redis.lpop(waitOf(test));
    await test.redis.hset(test.keys.job('default', ids[51_999] ?? ''), { timestamp: NOW + 9 });
    expect(await behind(51_000)).to.have.members(ids.slice(51_001, 51_004));
  });

  it('go on to the end over a thousand queues', async () => {
    const test = await startTestBroker();
    const ids = numbered(1000).map(() => crypto.randomUUID());
    const queueOf = (i: number) => ({ queue: `tenant-${i}`, sentAt: NOW - i });
    await test.broker.add(ids.map((id, i) => messageOf(id, queueOf(i))));
    expect(await walk(test.broker, { limit: 150 })).to.deep.equal(ids);
  });

  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it(`have what stays once each, whatever happens to the rest (seed ${seed})`, async () => {
      const test = await startTestBroker();
      const pick = random(seed);
      const running = await scatter(test, pick, 400);
      const stayed = new Set(await walk(test.broker, { limit: 200 }));
      const limit = 1 + pick(25);
      const seen = await walk(test.broker, { limit }, async (_, page) => {
        if (page > 60) return;
        for (let n = pick(6); n > 0; n--) await moveOne(test, pick, running, stayed);
        await send(test.broker, numbered(pick(5), `new${page}-`), () => NOW + page - pick(50));
      });
      const times = (id: string) => seen.filter((each) => each === id).length;
      expect([...stayed].filter((id) => times(id) !== 1)).to.deep.equal([]);
      expect(stayed.size).to.be.greaterThan(100);
    });
  }
});

/** So many waiting tasks, fifty sent in each millisecond; the newest first. */
async function fillList(test: Test, count: number): Promise<string[]> {
  const ids = numbered(count);
  await test.broker.add([messageOf('first')]);
  await test.redis.del(waitOf(test));
  for (let from = 0; from < count; from += 4000) {
    const some = ids.slice(from, from + 4000);
    const stores = test.redis.pipeline().rpush(waitOf(test), ...some);
    for (const [i, id] of some.entries()) {
      const hash = {
        name: 'add',
        timestamp: NOW - Math.floor((from + i) / 50),
        data: '{"kwargs":{}}',
      };
      stores.hset(test.keys.job('default', id), hash);
    }
    await stores.exec();
  }
  return ids;
}

/** Tasks in every place of a queue, with few different times; those that run. */
async function scatter(test: Test, pick: (below: number) => number, count: number) {
  const running: string[] = [];
  const messages = numbered(count).map((id) => {
    const eta = pick(4) === 0 ? { eta: NOW + MINUTE + pick(20) } : {};
    const priority = pick(4) === 0 ? { priority: pick(10) } : {};
    const sentAt = NOW - MINUTE + pick(200);
    return messageOf(id, { sentAt, body: { kwargs: {}, ...eta, ...priority } });
  });
  await test.broker.add(messages);
  const plain = messages.filter(({ body }) => !body.eta && body.priority === undefined);
  for (const { id } of plain) {
    const fate = pick(4);
    if (fate === 1) running.push(id);
    if (fate === 1) await startStored(test, id, NOW - 100 + Math.floor(running.length / 3));
    if (fate > 1) await endStored(test, id, { at: NOW - pick(20), ...(fate === 2 ? {} : FAILED) });
  }
  return running;
}

const FAILED = { traceback: 'E: no' };

/** The oldest task starts, or one that runs ends: these may be met twice or missed. */
async function moveOne(
  test: Test,
  pick: (below: number) => number,
  running: string[],
  stayed: Set<string>,
): Promise<void> {
  if (pick(2) === 0) {
    const id = await test.redis.lindex(waitOf(test), -1);
    if (id === null) return;
    stayed.delete(id);
    running.push(id);
    return startStored(test, id, NOW + running.length);
  }
  const [id] = running.splice(pick(running.length), 1);
  if (id === undefined) return;
  stayed.delete(id);
  return endStored(test, id, { at: NOW + pick(20) });
}
