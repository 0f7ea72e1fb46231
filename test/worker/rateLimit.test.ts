/** `rateLimit`: so many starts of a task in a time, over all workers. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { eventually } from '../support/eventually.ts';
import { ids, startLife } from '../support/life.ts';
import { dueIn, pacedTask, reserved } from '../support/limited.ts';
import { startTestWorker } from '../support/worker.ts';

/** Starts in the fullest window of so many milliseconds. */
const mostWithin = (starts: readonly number[], ms: number) =>
  Math.max(...starts.map((from) => starts.filter((at) => at >= from && at < from + ms).length));

describe('a rate limit', () => {
  it('spaces the starts evenly over two workers', async () => {
    const life = await startLife();
    const { task, starts } = pacedTask('20/s');
    await startTestWorker(life.config, [task]);
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(31));
    await eventually(() => starts.length === 31);
    const span = Math.max(...starts) - Math.min(...starts);
    expect(span).to.be.within(1400, 3000);
    // 10, and what an uneven machine makes late.
    expect(mostWithin(starts, 500)).to.be.within(8, 20);
  });

  it('keeps the order', async () => {
    const life = await startLife();
    const { task, order } = pacedTask('20/s');
    await startTestWorker(life.config, [task], [{ name: 'default', concurrency: 1 }]);
    await life.send('paced', ids(20));
    const { redis, keys } = life;
    const line = await eventually(async () => {
      const all = await redis.zrange(keys.reserved('paced'), '0', '-1');
      return all.length >= 12 && all;
    });
    expect(line).to.deep.equal([...line].sort());
    await eventually(() => order.length === 20);
    // A busy machine may make one late by some slots.
    const moved = order.filter((id, i) => Math.abs(Number(id.slice(1)) - i) > 8);
    expect(moved).to.deep.equal([]);
  });

  it('allows the first one at once, and makes the others PENDING until it is their turn', async () => {
    const life = await startLife();
    const { task, order } = pacedTask('1/h');
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(3));
    await eventually(() => order.length === 1, 2000);
    await reserved(life, 2);
    const waits = await life.once('t00001', ({ eta }) => eta !== null);
    expect(waits).to.include({ state: 'PENDING', retries: 0, started_at: null });
    expect(await dueIn(life, 't00001')).to.be.within(3500, 3600);
    expect(await dueIn(life, 't00002')).to.be.within(7100, 7200);
  });

  it('holds up no other task and occupies no slot', async () => {
    const life = await startLife();
    const { task } = pacedTask('1/h');
    const other = defineTask('other', { run: () => 'ran' });
    await startTestWorker(life.config, [task, other], [{ name: 'default', concurrency: 1 }]);
    await life.send('paced', ids(200));
    await life.send('other', ids(20, 'o'));
    for (const id of ids(20, 'o')) expect(await life.end(id)).to.include({ state: 'SUCCESS' });
  });

  it('counts retries as starts', async () => {
    const life = await startLife();
    const starts: number[] = [];
    const task = defineTask('paced', {
      rateLimit: '10/s',
      retry: { max: 3, delay: 0.001, jitter: false },
      run() {
        starts.push(performance.now());
        throw new Error('no');
      },
    });
    await startTestWorker(life.config, [task]);
    await life.send('paced', ['a']);
    expect(await life.end('a')).to.include({ state: 'FAILURE', retries: 3 });
    expect((starts[3] ?? 0) - (starts[0] ?? 0)).to.be.at.least(290);
  });

  it('gives the slots of revoked tasks to those behind them', async () => {
    const life = await startLife();
    const { task } = pacedTask('1/m');
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(6));
    await reserved(life, 5);
    await life.once('t00005', ({ eta }) => eta !== null);
    await Promise.all(
      ids(5)
        .slice(1)
        .map((id) => life.broker.revoke(id, false)),
    );
    await eventually(async () => (await dueIn(life, 't00005')) <= 60);
    expect(await dueIn(life, 't00005')).to.be.greaterThan(30);
  });

  it('lets a new task wait for no slot of a revoked one', async () => {
    const life = await startLife();
    const { task } = pacedTask('1/m');
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(6));
    await reserved(life, 5);
    for (const id of ids(6).slice(1)) await life.once(id, ({ eta }) => eta !== null);
    await Promise.all(
      ids(6)
        .slice(1)
        .map((id) => life.broker.revoke(id, false)),
    );
    await life.send('paced', ['new']);
    await life.once('new', ({ eta }) => eta !== null);
    expect(await dueIn(life, 'new')).to.be.within(30, 60);
  });

  it('moves each one up behind one that was revoked', async () => {
    const life = await startLife();
    const { task, order, starts } = pacedTask('2/s');
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(8));
    await reserved(life, 7);
    await Promise.all(['t00002', 't00003', 't00005'].map((id) => life.broker.revoke(id, false)));
    await eventually(() => order.length === 5);
    expect(order).to.deep.equal(['t00000', 't00001', 't00004', 't00006', 't00007']);
    // 2000; 3500 where each keeps its place.
    expect((starts[4] ?? 0) - (starts[0] ?? 0)).to.be.within(1950, 3300);
  });

  it('does not use all slots at once that passed while no worker was there', async () => {
    const life = await startLife();
    const { task, starts } = pacedTask('10/s');
    const first = await startTestWorker(life.config, [task]);
    await life.send('paced', ids(25));
    await reserved(life, 24);
    await first.stop();
    await sleep(1200);
    starts.length = 0;
    await startTestWorker(life.config, [task]);
    await eventually(() => starts.length >= 22);
    // 3, and a half second of what is late by so much all the same.
    expect(mostWithin(starts, 300)).to.be.at.most(10);
  });

  it('is used whole behind a queue that never ends', async () => {
    const life = await startLife();
    const { task, order, starts } = pacedTask('10/s');
    let isOver = false;
    let sent = 0;
    const filler = defineTask('filler', {
      async run() {
        if (!isOver) await life.send('filler', [`f${sent++}`]);
        await sleep(5);
      },
    });
    await startTestWorker(life.config, [task, filler], [{ name: 'default', concurrency: 1 }]);
    // At some 8 ms each: whoever comes back waits about a second again.
    await life.send('filler', ids(120, 'x'));
    await life.send('paced', ids(15));
    await eventually(() => order.length === 15);
    isOver = true;
    expect((starts[14] ?? 0) - (starts[0] ?? 0)).to.be.within(800, 9000);
  });

  it('may be a fraction', async () => {
    const life = await startLife();
    const { task } = pacedTask('0.5/s');
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(3));
    await reserved(life, 2);
    await life.once('t00002', ({ eta }) => eta !== null);
    expect(await dueIn(life, 't00002')).to.be.within(2, 4);
  });
});

describe('a rate limit with a limit of runs at once', () => {
  it('keeps both', async () => {
    const life = await startLife();
    let now = 0;
    let most = 0;
    const starts: number[] = [];
    const task = defineTask('paced', {
      rateLimit: '20/s',
      maxConcurrency: 2,
      async run() {
        starts.push(performance.now());
        most = Math.max(most, ++now);
        await sleep(150);
        now--;
      },
    });
    await startTestWorker(life.config, [task]);
    await life.send('paced', ids(10));
    for (const id of ids(10)) await life.end(id);
    expect(most).to.equal(2);
    expect((starts[9] ?? 0) - (starts[0] ?? 0)).to.be.within(600, 5000);
  });
});
