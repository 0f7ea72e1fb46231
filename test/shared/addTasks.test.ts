import { expect } from 'chai';
import type { Limit, StoredTask } from '../../shared/addition.ts';
import { createKeys } from '../../shared/keys.ts';
import { addTasks } from '../../shared/scripts.ts';
import { testConfig, testRedis } from '../support/redis.ts';

function startAdds() {
  const redis = testRedis();
  const keys = createKeys(testConfig().prefix);
  const base = keys.queueBase('default');
  const task = (id: string, given: Partial<StoredTask> = {}): StoredTask => ({
    id,
    queue: 'default',
    name: 'a',
    data: `"${id}"`,
    timestamp: 1,
    delay: 0,
    priority: 0,
    ...given,
  });
  const add = (tasks: readonly StoredTask[], limit?: Limit) =>
    addTasks(redis, keys, { deadlineMs: Date.now() + 60_000, tasks, limit });
  return { redis, keys, base, task, add };
}

describe('the script that adds tasks', () => {
  it('does nothing behind its deadline, and tells the time', async () => {
    const { redis, keys, base, task } = startAdds();
    const [seconds] = await redis.time();
    const { nowMs, isLate } = await addTasks(redis, keys, {
      deadlineMs: Number(seconds) * 1000 - 1,
      tasks: [task('t1')],
    });
    expect(isLate).to.equal(true);
    expect(nowMs).to.be.within(Number(seconds) * 1000, Number(seconds) * 1000 + 60_000);
    expect(await redis.keys(`${base}*`)).to.deep.equal([]);
  });

  it('keeps the order and gives each task its own name and time, whoever its neighbours are', async () => {
    const { redis, base, task, add } = startAdds();
    const other = task('t4', { name: 'b', timestamp: 2 });
    const tasks = [task('t1'), task('t2'), task('t3', { name: 'b' }), other, task('t5')];
    const { isLate } = await add(tasks);
    expect(isLate).to.equal(false);
    expect(await redis.lrange(`${base}wait`, 0, -1)).to.deep.equal(['t5', 't4', 't3', 't2', 't1']);
    const stored = await Promise.all(
      tasks.map(({ id }) => redis.hmget(base + id, 'name', 'data', 'timestamp')),
    );
    expect(stored).to.deep.equal(
      tasks.map(({ name, data, timestamp }) => [name, data, String(timestamp)]),
    );
  });

  it('writes the events that the stream has room for, and those of the last tasks', async () => {
    const { redis, base, task, add } = startAdds();
    await redis.hset(`${base}meta`, 'opts.maxLenEvents', 100);
    const ids = Array.from({ length: 1000 }, (_, i) => `t${i}`);
    await add(ids.map((id) => task(id)));
    await add([task('last')]);
    const entries = await redis.xrange(`${base}events`, '-', '+');
    const told = entries.map(([, [, event, , id]]) => `${event} ${id}`);
    expect(told.length).to.be.within(100, 200);
    const due = [...ids.slice(-49), 'last'].flatMap((id) => [`added ${id}`, `waiting ${id}`]);
    expect(told.slice(-100)).to.deep.equal(due);
  });

  it('leaves a task alone that is there already', async () => {
    const { redis, base, task, add } = startAdds();
    await add([task('t1', { name: 'first' })]);
    await add([task('t1', { name: 'second' })]);
    expect(await redis.hget(`${base}t1`, 'name')).to.equal('first');
    expect(await redis.lrange(`${base}wait`, 0, -1)).to.deep.equal(['t1']);
  });

  it('puts each task of a mixed batch where it belongs, in any number of queues', async () => {
    const { redis, keys, base, task, add } = startAdds();
    const mail = keys.queueBase('mail');
    await add([
      task('plain'),
      task('mail', { queue: 'mail' }),
      task('urgent', { priority: 1 }),
      task('later', { delay: 5000, priority: 2 }),
      task('mail-later', { queue: 'mail', delay: 1, timestamp: 7 }),
      task('second'),
    ]);
    expect(await redis.lrange(`${base}wait`, 0, -1)).to.deep.equal(['second', 'plain']);
    expect(await redis.zrange(`${base}prioritized`, 0, '-1')).to.deep.equal(['urgent']);
    expect(await redis.zrange(`${base}delayed`, 0, '-1', 'WITHSCORES')).to.deep.equal([
      'later',
      String(5001 * 4096),
    ]);
    expect(await redis.lrange(`${mail}wait`, 0, -1)).to.deep.equal(['mail']);
    expect(await redis.zrange(`${mail}delayed`, 0, '-1', 'WITHSCORES')).to.deep.equal([
      'mail-later',
      String(8 * 4096),
    ]);
    expect((await redis.smembers(keys.queues)).sort()).to.deep.equal(['default', 'mail']);
  });

  it('has the most urgent first, and of the equally urgent the first that came', async () => {
    const { redis, base, task, add } = startAdds();
    const urgent = (id: string, priority: number) => task(id, { priority });
    await add([urgent('b', 2), urgent('a1', 1), urgent('c', 3), urgent('a2', 1)]);
    await add([urgent('a3', 1)]);
    const order = ['a1', 'a2', 'a3', 'b', 'c'];
    expect(await redis.zrange(`${base}prioritized`, 0, '-1')).to.deep.equal(order);
  });

  it('marks a uniqueness as that of a stored task', async () => {
    const { redis, keys, task, add } = startAdds();
    await add([task('t1', { unique: { hash: 'h', ttlMs: 1000.5 } }), task('t2')]);
    expect(await redis.get(keys.unique('h'))).to.equal('0 t1');
    expect(await redis.pttl(keys.unique('h'))).to.be.within(1, 1001);
  });
});

/** For a batch of which so many wait in each queue. */
const limitOf = (
  max: number,
  ahead: Record<string, number>,
  given: Partial<Limit> = {},
): Limit => ({
  max,
  batch: '',
  ahead: new Map(Object.entries(ahead)),
  later: new Map(),
  ...given,
});

describe('the script that adds tasks to queues with a maximum length', () => {
  it('names the queue that is full and its room, and writes nothing', async () => {
    const { redis, base, keys, task, add } = startAdds();
    await add([task('t1'), task('t2', { priority: 1 })]);
    const before = await redis.keys(`${keys.prefix}*`);
    const tasks = [task('t3', { queue: 'mail' }), task('t4'), task('t5')];
    const unique = task('t6', { unique: { hash: 'h', ttlMs: 1000 } });
    const answer = await add([...tasks, unique], limitOf(4, { mail: 1, default: 3 }));
    expect(answer).to.deep.include({ isLate: false, full: { queue: 'default', room: 2 } });
    expect(answer.nowMs).to.be.greaterThan(1e12);
    expect(await redis.keys(`${keys.prefix}*`)).to.have.members(before);
    expect(await redis.get(`${base}id`)).to.equal('2');
    expect(await add(tasks, limitOf(4, { mail: 1, default: 2 }))).to.not.have.property('full');
    expect((await add([task('t7')], limitOf(4, { default: 1 }))).full).to.include({ room: 0 });
  });

  it('counts what has come due while no worker was there, and not what comes later', async () => {
    const { task, add } = startAdds();
    await add([task('due', { delay: 5 }), task('later', { timestamp: Date.now(), delay: 60_000 })]);
    const { full } = await add([task('t1'), task('t2')], limitOf(2, { default: 2 }));
    expect(full).to.deep.equal({ queue: 'default', room: 1 });
    expect(await add([task('t1')], limitOf(2, { default: 1 }))).to.not.have.property('full');
  });

  it('takes what waits later into a queue that holds more than its maximum', async () => {
    const { task, add } = startAdds();
    await add([task('t1'), task('t2')]);
    const later = task('later', { timestamp: Date.now(), delay: 60_000 });
    expect(await add([later], limitOf(1, {}))).to.not.have.property('full');
  });

  it('holds the room of a batch for its later writes, and gives it up bit by bit', async () => {
    const { redis, keys, task, add } = startAdds();
    const two = new Map([['default', 2]]);
    const one = new Map([['default', 1]]);
    const roomNow = async () => (await add([task('x')], limitOf(5, { default: 9 }))).full?.room;
    await add([task('a1')], limitOf(5, { default: 3 }, { batch: 'a1', later: two }));
    expect(await roomNow()).to.equal(2);
    await add([task('a2')], { max: 0, batch: 'a1', ahead: two, later: one });
    expect(await roomNow()).to.equal(2);
    expect(await redis.pttl(keys.held('default'))).to.be.within(1, 10_000);
    await add([task('a3')], { max: 0, batch: 'a1', ahead: one, later: new Map() });
    expect(await roomNow()).to.equal(2);
    expect(await redis.exists(keys.held('default'))).to.equal(0);
  });

  it('gives up the room of a batch whose sender has died', async () => {
    const { redis, keys, task, add } = startAdds();
    await redis.zadd(keys.held('default'), Date.now() - 1, 'dead:5', Date.now() + 60_000, 'slow:1');
    const { full } = await add([task('x')], limitOf(5, { default: 9 }));
    expect(full).to.deep.equal({ queue: 'default', room: 4 });
  });
});
