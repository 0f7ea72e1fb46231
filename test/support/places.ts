/** Tasks in every place where one may be before its end, without a worker. */
import { messageOf, type startTestBroker } from './broker.ts';
import { startStored } from './stored.ts';

export type TestBroker = Awaited<ReturnType<typeof startTestBroker>>;

/** Puts a task of this id there; the body adds to the message. */
type Put = (test: TestBroker, id: string, body?: object) => Promise<void>;

const HOUR_MS = 3_600_000;

const add = async (test: TestBroker, id: string, body: object = {}): Promise<void> => {
  await test.broker.add([messageOf(id, { body: { kwargs: {}, ...body } })]);
};

const run: Put = async (test, id, body) => {
  await add(test, id, body);
  await startStored(test, id, Date.now() - 1000);
};

/** Its first run has failed; `delayed`, or else due. */
const retrying =
  (isDue: boolean): Put =>
  async (test, id, body) => {
    await run(test, id, body);
    const { redis, keys } = test;
    const base = keys.queueBase('default');
    const job = keys.job('default', id);
    const back = redis.multi().lrem(`${base}active`, 1, id).del(`${job}:lock`);
    back.hset(job, { atm: 1, failedReason: 'no', stacktrace: '["E: no"]' });
    if (isDue) back.lpush(`${base}wait`, id);
    else back.zadd(`${base}delayed`, (Date.now() + HOUR_MS) * 4096, id);
    await back.exec();
  };

/** Its lock has run out, and nobody has noticed. */
const lose: Put = async (test, id, body) => {
  await run(test, id, body);
  await test.redis.del(`${test.keys.job('default', id)}:lock`);
};

/** Where a task waits for its start. */
export const WAITING: Readonly<Record<string, Put>> = {
  waiting: add,
  prioritized: (test, id, body) => add(test, id, { ...body, priority: 9 }),
  'due later': (test, id, body) => add(test, id, { ...body, eta: Date.now() + HOUR_MS }),
  'to be retried later': retrying(false),
  'to be retried now': retrying(true),
  'lost with its worker': lose,
};

/** Where a task waits that nobody runs any more, but whose loss is not filed yet. */
export const LOST: Readonly<Record<string, Put>> = {
  'lost in the only run that it may have': async (test, id, body) => {
    await lose(test, id, body);
    const defa = 'WorkerLostError: The worker "w1" was lost';
    await test.redis.hset(test.keys.job('default', id), { defa, deferred: `1,${Date.now()},` });
  },
  'lost for the last time': async (test, id, body) => {
    await add(test, id, body);
    const defa = 'job stalled more than allowable limit';
    await test.redis.hset(test.keys.job('default', id), { defa, ats: 3 });
  },
};

export const running = run;

/** A worker has taken the task out of the wait list, and has not done anything with it yet. */
export async function takeOut({ redis, keys }: TestBroker, id: string): Promise<void> {
  const base = keys.queueBase('default');
  const job = keys.job('default', id);
  await redis
    .multi()
    .lrem(`${base}wait`, 1, id)
    .lpush(`${base}active`, id)
    .set(`${job}:lock`, 'token', 'EX', 60)
    .hset(job, { processedOn: Date.now(), pb: 'w9' })
    .hincrby(job, 'ats', 1)
    .exec();
}

/** That worker files it by its mark, as BullMQ does. */
export async function file({ redis, keys }: TestBroker, id: string): Promise<void> {
  const base = keys.queueBase('default');
  const job = keys.job('default', id);
  const reason = (await redis.hget(job, 'defa')) ?? '';
  const list: string[] = JSON.parse((await redis.hget(job, 'stacktrace')) ?? '[]');
  const stacktrace = JSON.stringify([...list, `UnrecoverableError: ${reason}\n    at x`]);
  const at = Date.now();
  await redis
    .multi()
    .lrem(`${base}active`, 1, id)
    .del(`${job}:lock`)
    .hset(job, { failedReason: reason, stacktrace, finishedOn: at })
    .hincrby(job, 'atm', 1)
    .hdel(job, 'defa')
    .zadd(`${base}failed`, at, id)
    .exec();
}
