import { expect } from 'chai';
import { createKeys } from '../../shared/keys.ts';
import { addTasks } from '../../shared/scripts.ts';
import { testConfig, testRedis } from '../support/redis.ts';

function startAdds() {
  const redis = testRedis();
  const base = createKeys(testConfig().prefix).queueBase('default');
  const task = (id: string, name = 'a', timestamp = 1) => ({
    id,
    name,
    data: `"${id}"`,
    timestamp,
  });
  return { redis, base, task };
}

describe('the script that adds tasks', () => {
  it('does nothing behind its deadline, and tells the time', async () => {
    const { redis, base, task } = startAdds();
    const [seconds] = await redis.time();
    const { nowMs, isLate } = await addTasks(redis, base, Number(seconds) * 1000 - 1, [task('t1')]);
    expect(isLate).to.equal(true);
    expect(nowMs).to.be.within(Number(seconds) * 1000, Number(seconds) * 1000 + 60_000);
    expect(await redis.keys(`${base}*`)).to.deep.equal([]);
  });

  it('keeps the order and gives each task its own name and time, whoever its neighbours are', async () => {
    const { redis, base, task } = startAdds();
    const tasks = [task('t1'), task('t2'), task('t3', 'b'), task('t4', 'b', 2), task('t5')];
    const { isLate } = await addTasks(redis, base, Date.now() + 60_000, tasks);
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
    const { redis, base, task } = startAdds();
    await redis.hset(`${base}meta`, 'opts.maxLenEvents', 100);
    const ids = Array.from({ length: 1000 }, (_, i) => `t${i}`);
    const add = (some: readonly string[]) =>
      addTasks(
        redis,
        base,
        Date.now() + 60_000,
        some.map((id) => task(id)),
      );
    await add(ids);
    await add(['last']);
    const entries = await redis.xrange(`${base}events`, '-', '+');
    const told = entries.map(([, [, event, , id]]) => `${event} ${id}`);
    expect(told.length).to.be.within(100, 200);
    const due = [...ids.slice(-49), 'last'].flatMap((id) => [`added ${id}`, `waiting ${id}`]);
    expect(told.slice(-100)).to.deep.equal(due);
  });

  it('leaves a task alone that is there already', async () => {
    const { redis, base, task } = startAdds();
    const add = (name: string) => addTasks(redis, base, Date.now() + 60_000, [task('t1', name)]);
    await add('first');
    await add('second');
    expect(await redis.hget(`${base}t1`, 'name')).to.equal('first');
    expect(await redis.lrange(`${base}wait`, 0, -1)).to.deep.equal(['t1']);
  });
});
