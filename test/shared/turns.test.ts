/** Who may start now of a task with limits: lua/turns.lua, on jobs of which only the traces are there. */
import { expect } from 'chai';
import { endTurn, takeTurn, tendTurns } from '../../shared/turns.ts';
import { startTestBroker } from '../support/broker.ts';
import { eventually } from '../support/eventually.ts';

async function startTurns(limits: { rate?: number; max?: number } = {}) {
  const { redis, keys } = await startTestBroker();
  const base = keys.queueBase('default');
  const own = { intervalMs: limits.rate ?? 0, maxConcurrency: limits.max ?? 0 };
  const key = (id: string) => keys.job('default', id);
  const turnOf = (id: string) => ({ task: 'work', job: key(id) });
  return {
    redis,
    keys,
    key,
    base,
    /** A worker has taken the job. */
    async start(id: string) {
      await redis.hset(key(id), { name: 'work' });
      await redis.lrem(`${base}wait`, 0, id);
      await redis.zrem(`${base}delayed`, id);
      await redis.set(`${key(id)}:lock`, 'token');
    },
    /** It goes back, to be looked at in so many milliseconds. */
    async putOff(id: string, ms: number) {
      await redis.zadd(`${base}delayed`, (Date.now() + ms) * 4096, id);
      await redis.del(`${key(id)}:lock`);
    },
    /** It has a slot that is so many milliseconds ahead, and waits for it. */
    async reserve(id: string, ms: number) {
      // One time for both: between two looks at the clock a busy machine may rest.
      const slot = Date.now() + ms;
      await redis.hset(key(id), { name: 'work' });
      await redis.zadd(keys.reserved('work'), slot, key(id));
      await redis.zadd(`${base}delayed`, slot * 4096, id);
    },
    /** Milliseconds from now until its slot, and until it comes for it. */
    async slotOf(id: string) {
      const slot = Number(await redis.zscore(keys.reserved('work'), key(id)));
      const due = Number(await redis.zscore(`${base}delayed`, id)) / 4096;
      // What was put off counts from when that was done, which on a busy machine is some time later.
      expect(due - slot).to.be.within(-2, 2000);
      return slot - Date.now();
    },
    /** The last one has started so many milliseconds ago. */
    lastStart: (ms: number) => redis.set(keys.rate('work'), Date.now() - ms),
    take: (id: string) => takeTurn(redis, keys, turnOf(id), own),
    end: (id: string) => endTurn(redis, keys, turnOf(id), own),
    tend: () => tendTurns(redis, keys, 'work', own),
    line: () => redis.zrange(keys.parked('work'), '0', '-1'),
    waiting: () => redis.lrange(`${base}wait`, '0', '-1'),
    places: () => redis.zrange(keys.running('work'), '0', '-1'),
  };
}

type Turns = Awaited<ReturnType<typeof startTurns>>;

/** Each asks for its turn; those that get none wait for a minute. */
async function visit(turns: Turns, ids: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  for (const id of ids) {
    await turns.start(id);
    const [answer, ms = 60_000] = await turns.take(id);
    answers.push(answer);
    if (answer !== 'go') await turns.putOff(id, ms);
  }
  return answers;
}

describe('the line of those that wait for a place', () => {
  it('keeps the place of one that looks for itself', async () => {
    const turns = await startTurns({ max: 1 });
    expect(await visit(turns, ['a', 'b', 'c'])).to.deep.equal(['go', 'parked', 'parked']);
    expect(await visit(turns, ['b'])).to.deep.equal(['parked']);
    expect(await turns.line()).to.deep.equal([turns.key('b'), turns.key('c')]);
  });

  it('holds nobody that has got its turn by itself', async () => {
    const turns = await startTurns({ max: 1 });
    await visit(turns, ['a', 'b']);
    // Nobody has passed the turn on.
    await turns.redis.del(turns.keys.running('work'));
    expect(await visit(turns, ['b'])).to.deep.equal(['go']);
    expect(await turns.line()).to.deep.equal([]);
  });

  it('gives a turn that got lost to the first in the line, before one that comes anew', async () => {
    const turns = await startTurns({ max: 1 });
    await visit(turns, ['a', 'b', 'c']);
    await turns.redis.del(turns.keys.running('work'));
    expect(await visit(turns, ['new'])).to.deep.equal(['parked']);
    expect(await turns.waiting()).to.deep.equal(['b']);
    expect(await turns.line()).to.deep.equal([turns.key('c'), turns.key('new')]);
  });

  it('keeps the turn of one that was put back, until it comes', async () => {
    const turns = await startTurns({ max: 1 });
    await visit(turns, ['a', 'b', 'c']);
    await turns.end('a');
    expect(await visit(turns, ['new'])).to.deep.equal(['parked']);
    expect(await turns.tend()).to.equal(0);
    expect(await visit(turns, ['b'])).to.deep.equal(['go']);
  });

  it('does not wait for one that comes too late, but tells it so when it does', async () => {
    const turns = await startTurns({ max: 1 });
    await visit(turns, ['a', 'b', 'c']);
    await turns.end('a');
    await turns.redis.zadd(turns.keys.running('work'), Date.now() - 61_000, turns.key('b'));
    expect(await turns.tend()).to.equal(1);
    expect(await turns.places()).to.deep.equal([turns.key('c')]);
    expect(await visit(turns, ['b'])).to.deep.equal(['parked']);
  });

  it('leaves one alone that is on its way into the line', async () => {
    const turns = await startTurns({ max: 1 });
    await visit(turns, ['a']);
    await turns.start('b');
    expect(await turns.take('b')).to.deep.equal(['parked']);
    await turns.end('a');
    expect(await turns.line()).to.deep.equal([turns.key('b')]);
    await turns.putOff('b', 60_000);
    expect(await turns.tend()).to.equal(1);
    expect(await turns.waiting()).to.deep.equal(['b']);
  });

  it('does not expire, though a worker without the task has looked at one of them', async () => {
    const turns = await startTurns({ max: 1 });
    await visit(turns, ['a', 'b']);
    await turns.redis.expire(turns.keys.parked('work'), 86_400);
    await visit(turns, ['c']);
    expect(await turns.redis.ttl(turns.keys.parked('work'))).to.equal(-1);
  });

  it('gives several places in the order of the line', async () => {
    const turns = await startTurns({ max: 3 });
    await visit(turns, ['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    await turns.redis.del(turns.keys.running('work'));
    expect(await turns.tend()).to.equal(3);
    // Workers take from the end.
    expect((await turns.waiting()).reverse()).to.deep.equal(['d', 'e', 'f']);
  });

  it('goes by the limit that was set at run time, whatever the caller has heard of it', async () => {
    const turns = await startTurns({ max: 1 });
    const set = JSON.stringify({ max_concurrency: 2 });
    await turns.redis.hset(turns.keys.limits, 'work', set);
    expect(await visit(turns, ['a', 'b', 'c'])).to.deep.equal(['go', 'go', 'parked']);
  });
});

describe('the slots of a rate', () => {
  const HOUR = 3_600_000;

  it('are used by no more than a half second of starts at once, however many are late', async () => {
    const turns = await startTurns({ rate: 100 });
    const ids = Array.from({ length: 40 }, (_, i) => `t${i}`);
    await visit(turns, ids);
    // All slots and the last start are long past: workers were away.
    for (const [i, id] of ids.slice(1).entries()) {
      const slot = Date.now() - 60_000 + i * 100;
      await turns.redis.zadd(turns.keys.reserved('work'), slot, turns.key(id));
    }
    await turns.redis.set(turns.keys.rate('work'), Date.now() - 60_000);
    const answers = await visit(turns, ids.slice(1));
    const started = answers.filter((answer) => answer === 'go').length;
    // 6, and one for each 100 ms that this took.
    expect(started).to.be.within(6, 15);
    expect(answers.slice(0, 6)).to.deep.equal(Array(6).fill('go'));
  });

  it('are used one by one where the rate is slow, however many are late', async () => {
    const turns = await startTurns({ rate: HOUR });
    for (const [i, id] of ['b', 'c', 'd'].entries()) await turns.reserve(id, (i - 5) * HOUR + 10);
    await turns.lastStart(6 * HOUR);
    expect(await visit(turns, ['b', 'c', 'd'])).to.deep.equal(['go', 'later', 'later']);
    expect(await turns.slotOf('c')).to.be.closeTo(HOUR, 2000);
    expect(await turns.slotOf('d')).to.be.closeTo(2 * HOUR, 2000);
  });

  it('follow a start that was late, each in its place', async () => {
    const turns = await startTurns({ rate: HOUR });
    await turns.reserve('late', -HOUR / 2);
    await turns.reserve('next', HOUR / 2);
    await turns.reserve('last', 1.5 * HOUR);
    await turns.lastStart(1.5 * HOUR);
    expect(await visit(turns, ['late'])).to.deep.equal(['go']);
    expect(await turns.slotOf('next')).to.be.closeTo(HOUR, 2000);
    expect(await turns.slotOf('last')).to.be.closeTo(1.5 * HOUR, 2000);
  });

  it('that were missed are not made up for at the cost of the one that is on time', async () => {
    const turns = await startTurns({ rate: HOUR });
    for (const [id, hours] of Object.entries({ a: -2.5, b: -1.5, c: -0.5, next: 0.5, last: 1.5 })) {
      await turns.reserve(id, hours * HOUR);
    }
    await turns.lastStart(3.5 * HOUR);
    expect(await visit(turns, ['a', 'b', 'c'])).to.deep.equal(['go', 'later', 'later']);
    expect(await turns.slotOf('next')).to.be.closeTo(HOUR, 2000);
    expect(await turns.slotOf('b')).to.be.closeTo(2.5 * HOUR, 2000);
    expect(await turns.slotOf('c')).to.be.closeTo(3.5 * HOUR, 2000);
  });

  it('come in time where the clock of Redis was set back by an hour', async () => {
    const turns = await startTurns({ rate: 1000 });
    await turns.lastStart(-HOUR);
    for (const [i, id] of ['a', 'b'].entries()) await turns.reserve(id, HOUR + i * 1000);
    await turns.tend();
    expect(await turns.slotOf('a')).to.be.within(-2000, 1000);
    for (const id of ['a', 'b']) {
      await eventually(async () => {
        await turns.tend();
        return (await visit(turns, [id]))[0] === 'go';
      });
    }
  });

  it('are told again to one that comes too early', async () => {
    const turns = await startTurns({ rate: HOUR });
    await visit(turns, ['a', 'b']);
    const [, first] = await turns.take('b');
    const [, second] = await turns.take('b');
    expect(first).to.be.closeTo(HOUR, 1000);
    expect(second).to.be.closeTo(HOUR, 1000);
    expect(await turns.redis.zcard(turns.keys.reserved('work'))).to.equal(1);
  });

  it('go by the rate that was set at run time, whatever the caller has heard of it', async () => {
    const turns = await startTurns({ rate: HOUR });
    for (const [rate_limit, expected] of [
      ['1/m', 60_000],
      ['2/m', 30_000],
      ['0.5/s', 2000],
      ['1', 1000],
    ] as const) {
      await turns.redis.hset(turns.keys.limits, 'work', JSON.stringify({ rate_limit }));
      await turns.redis.del(turns.keys.rate('work'), turns.keys.reserved('work'));
      await turns.start('a');
      expect(await turns.take('a')).to.deep.equal(['go']);
      await turns.start('b');
      const [answer, ms] = await turns.take('b');
      expect(answer).to.equal('later');
      expect(ms).to.be.within(expected - 900, expected);
    }
    await turns.redis.hset(turns.keys.limits, 'work', JSON.stringify({ rate_limit: '0' }));
    expect(await visit(turns, ['a', 'b', 'c'])).to.deep.equal(['go', 'go', 'go']);
  });

  it('give their place among those that run back while they wait', async () => {
    const turns = await startTurns({ rate: HOUR, max: 2 });
    expect(await visit(turns, ['a', 'b', 'c'])).to.deep.equal(['go', 'later', 'later']);
    expect(await turns.places()).to.deep.equal([turns.key('a')]);
  });
});

describe('the place of one that runs for longer than a minute', () => {
  it('is still its own when it comes next in its queue, for its worker was lost', async () => {
    const turns = await startTurns({ max: 1 });
    const { redis, keys, key } = turns;
    await turns.start('a');
    expect(await turns.take('a')).to.deep.equal(['go']);
    await redis.zadd(keys.running('work'), Date.now() - 120_000, key('a'));
    await turns.tend();
    // It is back in its queue, as whoever finds it lost puts it there.
    await redis.del(`${key('a')}:lock`);
    await turns.tend();
    expect(await turns.places()).to.deep.equal([key('a')]);
  });
});
