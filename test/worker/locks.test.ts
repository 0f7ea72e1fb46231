/** Locks that run out in an outage of Redis: whose the task is then, and who may take it over. */
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { Reject } from '../../shared/taskErrors.ts';
import { eventually } from '../support/eventually.ts';
import { gate, type Life, startLife } from '../support/life.ts';
import { running } from '../support/places.ts';
import { startTestWorker } from '../support/worker.ts';

const baseOf = ({ keys }: Life) => keys.queueBase('default');
const lockOf = ({ keys }: Life, id: string) => `${keys.job('default', id)}:lock`;
const sinceOf = async (life: Life) =>
  (await life.redis.get(`${baseOf(life)}stalled-check:since`)) ?? undefined;
const active = (life: Life) => life.redis.lrange(`${baseOf(life)}active`, 0, -1);

/** As Redis is after an outage: all locks have run out, and the last look has suspected all. */
async function outage(life: Life): Promise<void> {
  const base = baseOf(life);
  const ids = await active(life);
  const past = [`${base}stalled-check`, `${base}stalled-check:since`];
  await life.redis
    .multi()
    .del(...past, ...ids.map((id) => lockOf(life, id)))
    .sadd(`${base}stalled`, ...ids)
    .exec();
}

/** A task `hold` whose runs wait, then end as `end` says; it notes who ran. */
function heldTask(end: (ctx: TaskContext) => unknown = () => 'done', acksLate = true) {
  const { open, opened } = gate();
  const runs: TaskContext[] = [];
  const task = defineTask('hold', {
    acksLate,
    retry: { max: 1, delay: 0.01, jitter: false },
    async run(_: object, ctx) {
      runs.push(ctx);
      await opened;
      return end(ctx);
    },
  });
  return { task, runs, open };
}

describe('a run whose lock has run out in an outage', () => {
  it('keeps its task, which another worker does not take over, and locks it again', async () => {
    const life = await startLife();
    const { task, runs, open } = heldTask();
    for (let i = 0; i < 2; i++) await startTestWorker(life.config, [task]);
    await life.send('hold', ['a', 'b', 'c']);
    await eventually(() => runs.length === 3);
    await outage(life);
    for (const id of ['a', 'b', 'c']) {
      await eventually(async () => (await life.redis.exists(lockOf(life, id))) === 1);
    }
    // Somebody has looked for lost tasks meanwhile.
    await eventually(() => sinceOf(life));
    expect((await active(life)).sort()).to.deep.equal(['a', 'b', 'c']);
    for (const { signal } of runs) expect(signal.aborted).to.equal(false);
    open();
    for (const id of ['a', 'b', 'c']) expect(await life.end(id)).to.include({ state: 'SUCCESS' });
    expect(runs).to.have.length(3);
  });

  const ends: readonly [how: string, end: (ctx: TaskContext) => unknown, expected: object][] = [
    ['succeeds', () => 'done', { state: 'SUCCESS', result: 'done', retries: 0 }],
    ['fails', () => Promise.reject(new Reject('no')), { state: 'FAILURE', retries: 0 }],
    [
      'wants another run',
      ({ retries }) => (retries === 0 ? Promise.reject(new Error('once')) : 'done'),
      { state: 'SUCCESS', retries: 1 },
    ],
  ];
  for (const [how, end, expected] of ends) {
    it(`is stored where it ${how} before the lock is renewed`, async () => {
      const life = await startLife();
      const { task, runs, open } = heldTask(end);
      await startTestWorker(life.config, [task]);
      await life.send('hold', ['a'], { max_retries: 1 });
      await eventually(() => runs.length === 1);
      await outage(life);
      open();
      expect(await life.end('a')).to.include(expected);
      expect(new Set(runs.map(({ retries }) => retries)).size).to.equal(runs.length);
    });
  }

  it('is stored where it succeeds, though it may run once only and is marked for a loss', async () => {
    const life = await startLife();
    const { task, runs, open } = heldTask(() => 'done', false);
    await startTestWorker(life.config, [task]);
    await life.send('hold', ['a']);
    await eventually(() => runs.length === 1);
    expect(await life.redis.hexists(life.keys.job('default', 'a'), 'defa')).to.equal(1);
    await outage(life);
    open();
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 'done' });
    expect(runs).to.have.length(1);
  });

  it('is put back where its worker stops before the lock is renewed', async () => {
    const life = await startLife();
    const { task, runs } = heldTask();
    const worker = await startTestWorker(life.config, [task]);
    await life.send('hold', ['a']);
    await eventually(() => runs.length === 1);
    await outage(life);
    await worker.stop(AbortSignal.abort());
    expect(await life.redis.lrange(`${baseOf(life)}wait`, 0, -1)).to.deep.equal(['a']);
  });

  it('loses its task where that was revoked meanwhile', async () => {
    const life = await startLife();
    const { task, runs, open } = heldTask();
    await startTestWorker(life.config, [task]);
    await life.send('hold', ['a']);
    await eventually(() => runs.length === 1);
    const { redis, keys } = life;
    // As lua/revoke.lua marks a task that nobody seems to run.
    await outage(life);
    const mark = 'TaskRevokedError: The task was revoked';
    await redis.hset(keys.job('default', 'a'), {
      defa: mark,
      deferred: `,${Date.now()},${Date.now()},1,${mark}`,
    });
    await eventually(() => runs[0]?.signal.aborted);
    open();
    await life.send('hold', ['b']);
    await life.end('b');
    expect(await life.read('a')).to.include({ state: 'REVOKED', result: null });
    expect(await redis.zscore(`${baseOf(life)}completed`, 'a')).to.equal(null);
  });
});

describe('the look for lost tasks', () => {
  it('takes over nothing in the first seconds after an outage, then what nobody came back for', async () => {
    const life = await startLife();
    const { task, runs, open } = heldTask();
    open();
    await running(life, 'dead', { kwargs: {} });
    await life.redis.hset(life.keys.job('default', 'dead'), 'name', 'hold');
    await outage(life);
    await startTestWorker(life.config, [task]);
    await eventually(async () => (await life.redis.exists(`${baseOf(life)}stalled-check`)) === 1);
    expect(await active(life)).to.deep.equal(['dead']);
    const since = Number(await eventually(() => sinceOf(life)));
    expect(await life.end('dead', 20_000)).to.include({ state: 'SUCCESS' });
    expect(runs).to.have.length(1);
    const [clock = 0] = await life.redis.time();
    expect(Number(clock) + 1 - since / 1000).to.be.at.least(4);
  });

  it('needs no such patience where nothing ran', async () => {
    const life = await startLife();
    await startTestWorker(life.config, [heldTask().task]);
    expect(await eventually(() => sinceOf(life))).to.equal('0');
  });

  it('goes on after the clock of Redis was set back: what was to last seconds does not last an hour', async () => {
    const life = await startLife();
    const { task, runs, open } = heldTask();
    open();
    await running(life, 'dead', { kwargs: {} });
    const { redis, keys } = life;
    const [base, hour] = [baseOf(life), 3_600_000];
    await redis
      .multi()
      .hset(keys.job('default', 'dead'), 'name', 'hold')
      .set(lockOf(life, 'dead'), 'token', 'PX', hour)
      .set(`${base}stalled-check`, 'since', 'PX', hour)
      .set(`${base}stalled-check:since`, Date.now() + hour, 'PX', hour)
      .exec();
    await startTestWorker(life.config, [task]);
    expect(await life.end('dead', 25_000)).to.include({ state: 'SUCCESS' });
    expect(runs).to.have.length(1);
  });
});
