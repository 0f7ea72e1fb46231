import { expect } from 'chai';
import type { StoredTask } from '../../shared/addition.ts';
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
  const add = (tasks: readonly StoredTask[]) => addTasks(redis, keys, Date.now() + 60_000, tasks);
  return { redis, keys, base, task, add };
}

describe('the script that adds tasks', () => {
  it('does nothing behind its deadline, and tells the time', async () => {
    const { redis, keys, base, task } = startAdds();
    const [seconds] = await redis.time();
    const { nowMs, isLate } = await addTasks(redis, keys, Number(seconds) * 1000 - 1, [task('t1')]);
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

  it('marks a uniqueness as that of a stored task', async () => {
    const { redis, keys, task, add } = startAdds();
    await add([task('t1', { unique: { hash: 'h', ttlMs: 1000.5 } }), task('t2')]);
    expect(await redis.get(keys.unique('h'))).to.equal('0 t1');
    expect(await redis.pttl(keys.unique('h'))).to.be.within(1, 1001);
  });
});
