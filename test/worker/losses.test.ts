/** Who is charged when a worker is lost. */
import { expect } from 'chai';
import { createBackend } from '../../worker/backend.ts';
import { LOCK_RENEW_MS } from '../../worker/locks.ts';
import { chargeLoss, noteApart } from '../../worker/losses.ts';
import { messageOf } from '../support/broker.ts';
import { type Life, startLife } from '../support/life.ts';
import { testTools } from '../support/tools.ts';

interface Held {
  readonly worker?: string;
  readonly queue?: string;
  /** Default: what is left of a lock when the others of a dead worker have run out. */
  readonly lockMs?: number;
}

/** A task that a worker has begun to run, for the first time or again. */
async function begin(life: Life, id: string, held: Held = {}) {
  const { worker = 'w9', queue = 'default', lockMs = LOCK_RENEW_MS } = held;
  const { redis, keys, broker } = life;
  const base = keys.queueBase(queue);
  const job = keys.job(queue, id);
  if ((await redis.exists(job)) === 0)
    await broker.add([messageOf(id, { queue, body: { kwargs: {} } })]);
  await redis
    .multi()
    .lrem(`${base}wait`, 1, id)
    .lpush(`${base}active`, id)
    .set(`${job}:lock`, 'token', 'PX', lockMs)
    .hset(job, { pb: worker })
    .hincrby(job, 'ats', 1)
    .exec();
}

async function beginApart(life: Life, id: string, held: Held = {}): Promise<void> {
  const { redis, keys } = life;
  await begin(life, id, held);
  const job = keys.job(held.queue ?? 'default', id);
  await noteApart(redis, job, Number(await redis.hget(job, 'ats')));
}

/** Their locks run out, and somebody looks for lost tasks: which ones go back. */
async function lose(life: Life, ids: readonly string[], queue = 'default'): Promise<string[]> {
  const { redis, keys, config } = life;
  const base = keys.queueBase(queue);
  const backend = createBackend(queue, testTools(config, []));
  await redis
    .multi()
    .del(`${base}stalled-check`, ...ids.map((id) => `${keys.job(queue, id)}:lock`))
    .set(`${base}stalled-check:since`, 0)
    .sadd(`${base}stalled`, ...ids)
    .exec();
  const lost = await backend.moveStalledJobsToWait();
  await backend.close(true);
  return lost.sort();
}

const charged = ({ redis, keys }: Life, id: string, queue = 'default') =>
  redis.hmget(keys.job(queue, id), 'stc', 'spared', 'defa');

const FAILED = 'job stalled more than allowable limit';

describe('a loss of a worker', () => {
  it('is charged to each task at its first time', async () => {
    const life = await startLife();
    for (const id of ['a', 'b']) await begin(life, id);
    expect(await lose(life, ['a', 'b'])).to.deep.equal(['a', 'b']);
    for (const id of ['a', 'b']) expect(await charged(life, id)).to.deep.equal(['1', null, null]);
  });

  it('is charged again to a task that ran apart and was all that its worker held', async () => {
    const life = await startLife();
    await begin(life, 'a');
    await lose(life, ['a']);
    await begin(life, 'other', { worker: 'w2' });
    await beginApart(life, 'a');
    await lose(life, ['a']);
    expect(await charged(life, 'a')).to.deep.equal(['2', null, null]);
    await beginApart(life, 'a');
    await lose(life, ['a']);
    expect(await charged(life, 'a')).to.deep.equal(['3', null, FAILED]);
  });

  it('is charged to it also where a worker of the same name is there again, and holds others', async () => {
    const life = await startLife();
    await begin(life, 'a');
    await lose(life, ['a']);
    await beginApart(life, 'a');
    await begin(life, 'taken-since', { lockMs: 60_000 });
    await lose(life, ['a']);
    expect(await charged(life, 'a')).to.deep.equal(['2', null, null]);
  });

  const BESIDE: Readonly<Record<string, (life: Life) => Promise<unknown>>> = {
    'of the same queue': (life) => begin(life, 'b'),
    'of another queue': (life) => begin(life, 'b', { queue: 'mail' }),
    'that was found to be lost before': async (life) => {
      await begin(life, 'b');
      await lose(life, ['b']);
    },
  };
  for (const [which, beside] of Object.entries(BESIDE)) {
    it(`is not charged to a task that ran apart beside one ${which}`, async () => {
      const life = await startLife();
      await life.redis.sadd(life.keys.queues, 'default', 'mail');
      await begin(life, 'a');
      await lose(life, ['a']);
      await beginApart(life, 'a');
      await beside(life);
      expect(await lose(life, ['a'])).to.deep.equal(['a']);
      expect(await charged(life, 'a')).to.deep.equal(['1', '1', null]);
    });
  }

  it('is not charged to a task that waited for its turn to run apart', async () => {
    const life = await startLife();
    await begin(life, 'a');
    await lose(life, ['a']);
    await begin(life, 'a');
    expect(await lose(life, ['a'])).to.deep.equal(['a']);
    expect(await charged(life, 'a')).to.deep.equal(['1', null, null]);
  });

  it('ends a task that was lost beside others twenty times', async () => {
    const life = await startLife();
    await begin(life, 'a');
    await lose(life, ['a']);
    await begin(life, 'b');
    await life.redis.hset(life.keys.job('default', 'a'), 'spared', 18);
    await beginApart(life, 'a');
    await lose(life, ['a']);
    expect(await charged(life, 'a')).to.deep.equal(['1', '19', null]);
    await beginApart(life, 'a');
    await lose(life, ['a']);
    expect(await charged(life, 'a')).to.deep.equal(['1', '20', FAILED]);
  });

  it('is forgotten when the task is retried by hand', async () => {
    const life = await startLife();
    await begin(life, 'a');
    await lose(life, ['a']);
    const { redis, keys, broker } = life;
    const job = keys.job('default', 'a');
    await redis.hset(job, { spared: 3, apart: 2, failedReason: 'no', finishedOn: 1, atm: 1 });
    await redis
      .multi()
      .lrem(`${keys.queueBase('default')}wait`, 1, 'a')
      .zadd(keys.finished('default', false), 1, 'a')
      .exec();
    await broker.retry('a');
    expect(await redis.hmget(job, 'stc', 'spared', 'apart')).to.deep.equal([null, null, null]);
  });
});

describe('the loss of a process of its own', () => {
  it('is counted, and of a task that is gone nothing is left', async () => {
    const life = await startLife();
    const job = life.keys.job('default', 'a');
    for (const start of [1, 2]) {
      await beginApart(life, 'a');
      expect(await chargeLoss(life.redis, job, start)).to.equal(start);
    }
    await life.redis.del(job);
    expect(await chargeLoss(life.redis, job, 2)).to.equal(0);
    await noteApart(life.redis, job, 1);
    expect(await life.redis.exists(job)).to.equal(0);
  });

  it('is counted once, also where the worker is lost before the task is back in its queue', async () => {
    const life = await startLife();
    const job = life.keys.job('default', 'a');
    await beginApart(life, 'a');
    expect(await chargeLoss(life.redis, job, 1)).to.equal(1);
    // The answer was cut off.
    expect(await chargeLoss(life.redis, job, 1)).to.equal(1);
    await lose(life, ['a']);
    expect(await charged(life, 'a')).to.deep.equal(['1', null, null]);
  });
});
