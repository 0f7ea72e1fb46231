/**
 * What a page of tasks costs when there are many: `node --import tsx bench/listTasks.ts [count]`.
 * Lists 10 waiting and 10 ended tasks, and `count` of each (default 200,000), in turns: the first
 * page, one from the middle, one that a filter leaves empty.
 */
import type { Redis } from 'ioredis';
import { findOrMakeRedis } from '../cli/localRedis.ts';
import type { Broker, TaskQuery } from '../shared/broker.ts';
import { createRedisBroker } from '../shared/brokers/redis.ts';
import { createKeys } from '../shared/keys.ts';
import { createLog } from '../shared/log.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../shared/redis.ts';

const COUNT = Number(process.argv[2] ?? 200_000);
const CALLS = 200;
const CHUNK = 5000;
const PAGES_TO_THE_MIDDLE = 100;

const log = createLog({ logLevel: 'error', logFormat: 'auto' }, 'bench');
const server = await findOrMakeRedis({ home: '.kaje', persistent: false, log: console.log });

interface Side {
  readonly broker: Broker;
  readonly redis: Redis;
}

async function connect(prefix: string): Promise<Side> {
  const redis = connectFailingFast(server.url, log);
  await whenConnected(redis, 5000);
  const subscriber = connectPatiently(server.url, log);
  return { redis, broker: createRedisBroker({ redis, subscriber, prefix }) };
}

async function fill({ broker, redis }: Side, prefix: string, count: number): Promise<void> {
  const keys = createKeys(prefix);
  for (let from = 0; from < 2 * count; from += CHUNK) {
    const isEnd = from < count;
    const ids = Array.from({ length: Math.min(CHUNK, count) }, () => crypto.randomUUID());
    const sentAt = Date.now();
    const body = { kwargs: { n: 1 } };
    await broker.add(ids.map((id) => ({ id, name: 'noop', queue: 'default', sentAt, body })));
    if (!isEnd) continue;
    // As a worker leaves them, only faster.
    const ends = redis.pipeline().del(`${keys.queueBase('default')}wait`);
    for (const [i, id] of ids.entries()) {
      const at = sentAt + Math.floor(i / 20);
      ends.hset(keys.job('default', id), {
        ...{ processedOn: sentAt, finishedOn: at, returnvalue: '5', ats: 1, atm: 1, pb: 'w1' },
      });
      ends.zadd(keys.finished('default', true), at, id);
    }
    await ends.exec();
  }
}

async function timeOf({ broker }: Side, query: TaskQuery): Promise<number> {
  const at = performance.now();
  await broker.list(query);
  return performance.now() - at;
}

async function cursorInTheMiddle({ broker }: Side): Promise<string> {
  let cursor = '';
  for (let page = 0; page < PAGES_TO_THE_MIDDLE; page++) {
    const found = await broker.list({ limit: 200, ...(cursor ? { cursor } : {}) });
    cursor = found.next_cursor ?? cursor;
  }
  return cursor;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

const near = await connect('near');
const far = await connect('far');
await fill(near, 'near', 10);
await fill(far, 'far', COUNT);
const cursor = await cursorInTheMiddle(far);
const cases: readonly (readonly [name: string, near: TaskQuery, far?: TaskQuery])[] = [
  ['first page of 10', { limit: 10 }],
  ['first page of 50', { limit: 50 }],
  ['page in the middle', { limit: 50 }, { limit: 50, cursor }],
  ['state=SUCCESS', { limit: 50, states: ['SUCCESS'] }],
  ['state=PENDING', { limit: 50, states: ['PENDING'] }],
  ['state=RETRY, none', { limit: 50, states: ['RETRY'] }],
  ['name, none', { limit: 50, name: 'nobody' }],
  ['tag, none', { limit: 50, tag: 'nobody' }],
];
console.log(`| page | 10 + 10, ms | ${COUNT} + ${COUNT}, ms |\n|---|---|---|`);
for (const [name, nearQuery, farQuery = nearQuery] of cases) {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < CALLS; i++) {
    times[0].push(await timeOf(near, nearQuery));
    times[1].push(await timeOf(far, farQuery));
  }
  console.log(`| ${name} | ${median(times[0]).toFixed(2)} | ${median(times[1]).toFixed(2)} |`);
}
await Promise.all([near.broker.close(), far.broker.close()]);
await server.stop();
