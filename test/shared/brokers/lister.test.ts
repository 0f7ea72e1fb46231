import { expect } from 'chai';
import type { Broker, TaskQuery } from '../../../shared/broker.ts';
import { BrokerUnavailableError } from '../../../shared/errors.ts';
import type { TaskListBody } from '../../../shared/schemas.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { testConfig } from '../../support/redis.ts';
import { endStored, startStored } from '../../support/stored.ts';

const NOW = Date.now();
const MINUTE = 60_000;

type Query = Partial<TaskQuery>;

const page = (broker: Broker, query: Query = {}) => broker.list({ limit: 50, ...query });
const idsOf = ({ tasks }: TaskListBody) => tasks.map(({ task_id: id }) => id);

/** All pages, with what happens between them. */
async function pagesOf(broker: Broker, query: Query, between?: (page: number) => Promise<unknown>) {
  const pages: TaskListBody[] = [];
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const next = await page(broker, { ...query, ...(cursor ? { cursor } : {}) });
    pages.push(next);
    cursor = next.next_cursor;
    await between?.(pages.length);
    if (pages.length > 1000) throw new Error('There is always another page');
  }
  return pages;
}

const idsIn = async (broker: Broker, query: Query) => (await pagesOf(broker, query)).flatMap(idsOf);

/** One task in each state, the oldest first. */
async function oneOfEach() {
  const test = await startTestBroker();
  const sent = ['waiting', 'running', 'custom', 'succeeded', 'broken', 'revoked', 'retried'];
  await test.broker.add(
    [...sent, 'marked'].map((id, i) => messageOf(id, { sentAt: NOW - MINUTE + i })),
  );
  const later = { body: { kwargs: {}, eta: NOW + MINUTE } };
  await test.broker.add([messageOf('later', { ...later, sentAt: NOW - 50 })]);
  await startStored(test, 'running', NOW - 40);
  await startStored(test, 'custom', NOW - 30);
  const progress = { state: 'UPLOADING', meta: 1, start: 1, report: 1 };
  await test.redis.hset(test.keys.job('default', 'custom'), 'progress', JSON.stringify(progress));
  await endStored(test, 'succeeded', { at: NOW - 20 });
  await endStored(test, 'broken', { at: NOW - 10, traceback: 'E: no' });
  await endStored(test, 'revoked', { at: NOW - 5, traceback: 'TaskRevokedError: no' });
  await test.redis.hset(test.keys.job('default', 'retried'), { atm: 1, failedReason: 'no' });
  await test.broker.revoke('marked', false);
  return test;
}

const STATES: readonly (readonly [states: string[], ids: string[]])[] = [
  [['PENDING'], ['later', 'waiting']],
  [['RETRY'], ['retried']],
  [['STARTED'], ['running']],
  [['UPLOADING'], ['custom']],
  [
    ['STARTED', 'UPLOADING'],
    ['custom', 'running'],
  ],
  [['SUCCESS'], ['succeeded']],
  [['FAILURE'], ['broken']],
  [['REVOKED'], ['marked', 'revoked']],
  [
    ['SUCCESS', 'FAILURE'],
    ['broken', 'succeeded'],
  ],
  [['PROGRESS'], []],
];

describe('the list of tasks', () => {
  it('has the newest first: by their end, their start, or else their send', async () => {
    const { broker } = await oneOfEach();
    const { tasks, next_cursor: next } = await page(broker);
    expect(next).to.equal(null);
    // Revoked where it waits, just now.
    expect(tasks[0]?.task_id).to.equal('marked');
    expect(tasks.slice(1).map(({ task_id: id }) => id)).to.deep.equal([
      ...['revoked', 'broken', 'succeeded', 'custom', 'running', 'later', 'retried', 'waiting'],
    ]);
    const [record] = await broker.read(['broken']);
    expect(tasks.find(({ task_id: id }) => id === 'broken')).to.deep.equal(record?.result);
  });

  for (const [states, ids] of STATES) {
    it(`has only tasks that are ${states.join(' or ')} when it is asked for those`, async () => {
      const { broker } = await oneOfEach();
      expect(await idsIn(broker, { states })).to.have.members(ids);
      expect(await idsIn(broker, { states, limit: 1 })).to.have.members(ids);
    });
  }

  it('has tasks that have not started in time among those REVOKED, not among those PENDING', async () => {
    const { broker } = await startTestBroker();
    const late = { kwargs: {}, expires: NOW - 1 };
    await broker.add([
      messageOf('waits', { body: late }),
      messageOf('due', { body: { ...late, eta: Date.now() + MINUTE } }),
      messageOf('fine', { body: { kwargs: {}, expires: Date.now() + MINUTE } }),
    ]);
    expect(await idsIn(broker, { states: ['PENDING'] })).to.deep.equal(['fine']);
    expect(await idsIn(broker, { states: ['REVOKED'] })).to.have.members(['due', 'waits']);
  });

  it('tells of those REVOKED also when nobody has read them before', async () => {
    const { broker } = await startTestBroker();
    await broker.add([messageOf('late', { body: { kwargs: {}, expires: NOW - 1 } })]);
    expect(await idsIn(broker, { states: ['REVOKED'] })).to.deep.equal(['late']);
  });

  it('says that it is unavailable where nobody listens', async () => {
    const { broker } = await startTestBroker(testConfig({ redisUrl: 'redis://127.0.0.1:1' }));
    for (const call of [page(broker), broker.logs('a', 0), broker.attempts('a')]) {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(BrokerUnavailableError);
    }
  });

  it('has only tasks of the name, queue, tag and time asked for', async () => {
    const { broker } = await startTestBroker();
    await broker.add([
      messageOf('mail', { name: 'mail', sentAt: NOW - 3 }),
      messageOf('other', { queue: 'other', sentAt: NOW - 2 }),
      messageOf('tagged', { body: { kwargs: {}, tags: ['a"b', 'c'] }, sentAt: NOW - 1 }),
      messageOf('telling', { body: { kwargs: { tags: ['c'] } }, sentAt: NOW }),
    ]);
    const ids = async (query: Query) => idsOf(await page(broker, query));
    expect(await ids({ name: 'mail' })).to.deep.equal(['mail']);
    expect(await ids({ name: 'mai' })).to.deep.equal([]);
    expect(await ids({ queue: 'other' })).to.deep.equal(['other']);
    expect(await ids({ queue: 'nobody' })).to.deep.equal([]);
    expect(await ids({ tag: 'a"b' })).to.deep.equal(['tagged']);
    expect(await ids({ tag: 'c' })).to.deep.equal(['tagged']);
    expect(await ids({ since: NOW - 1 })).to.deep.equal(['telling', 'tagged']);
    expect(await ids({ until: NOW - 1 })).to.deep.equal(['other', 'mail']);
    expect(await ids({ since: NOW - 2, until: NOW, queue: 'default' })).to.deep.equal(['tagged']);
  });

  it('is empty where nothing was ever sent', async () => {
    const { broker } = await startTestBroker();
    expect(await page(broker)).to.deep.equal({ tasks: [], next_cursor: null });
  });

  it('has the newest of all queues and priorities first', async () => {
    const { broker } = await startTestBroker();
    const messages = Array.from({ length: 40 }, (_, i) =>
      messageOf(`t${i}`, {
        queue: ['default', 'mail', 'constructor'][i % 3] ?? '',
        sentAt: NOW - i,
        body: { kwargs: {}, priority: i % 10 },
      }),
    );
    await broker.add(messages.toReversed());
    expect(await idsIn(broker, { limit: 3 })).to.deep.equal(messages.map(({ id }) => id));
  });

  it('looks at a bounded number of tasks a call, and says where to go on when it found none', async () => {
    const { broker } = await startTestBroker();
    const many = Array.from({ length: 2500 }, (_, i) => messageOf(`t${i}`, { sentAt: NOW - i }));
    await broker.add([messageOf('rare', { name: 'rare', sentAt: NOW - 9999 }), ...many]);
    const pages = await pagesOf(broker, { name: 'rare' });
    expect(pages.map(idsOf)).to.deep.equal([[], [], ['rare']]);
    expect((await pagesOf(broker, { states: ['RETRY'] })).length).to.equal(3);
  });

  it('ends a page early where its tasks are large', async () => {
    const test = await startTestBroker();
    const ids = Array.from({ length: 30 }, (_, i) => `t${i}`);
    await test.broker.add(ids.map((id) => messageOf(id)));
    const result = 'x'.repeat(500_000);
    for (const [i, id] of ids.entries()) await endStored(test, id, { at: NOW - i, result });
    const pages = (await pagesOf(test.broker, { limit: 200 })).map(idsOf);
    expect(pages[0]?.length).to.be.within(5, 15);
    expect(pages.flat()).to.deep.equal(ids);
  });

  it('does not put results with a long lifetime of their own before newer ones', async () => {
    const test = await startTestBroker();
    const ids = Array.from({ length: 60 }, (_, i) => `long-${i}`);
    await test.broker.add([...ids, 'short', 'new'].map((id) => messageOf(id)));
    for (const id of ids) {
      await endStored(test, id, { at: NOW - MINUTE, filedAt: NOW + 60 * MINUTE });
    }
    await endStored(test, 'new', { at: NOW - 2 });
    await endStored(test, 'short', { at: NOW - 1, filedAt: NOW - 60 * MINUTE });
    const listed = await idsIn(test.broker, { limit: 2 });
    expect(listed[0]).to.equal('new');
    expect(listed).to.have.members([...ids, 'short', 'new']);
    expect(new Set(listed).size).to.equal(62);
  });
});
