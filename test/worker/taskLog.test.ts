import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { createRedisClock } from '../../shared/brokers/clock.ts';
import { createTaskLog } from '../../worker/taskLog.ts';
import { messageOf, startTestBroker } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog, type Line } from '../support/log.ts';
import { commandsDuring } from '../support/monitor.ts';
import { redisProxy } from '../support/proxy.ts';
import { testRedis } from '../support/redis.ts';

/** The log of a stored task, the lines that a worker's log gets, and those that the broker tells. */
async function startTaskLog({ level = 'info', attempt = 1, url = '' } = {}) {
  const test = await startTestBroker();
  await test.broker.add([messageOf('a')]);
  const { log, lines } = collectLog(level);
  const { keys } = test;
  const redis = url ? testRedis(url) : test.redis;
  const clock = createRedisClock(test.redis);
  const taskLog = createTaskLog({ log, redis, keys, clock, queue: 'default', id: 'a', attempt });
  defer(() => taskLog.end());
  const stored = async (after = 0) => (await test.broker.logs('a', after)).logs;
  return { ...test, ...taskLog, lines, stored };
}

const messages = (lines: readonly { message: string }[]) => lines.map(({ message }) => message);

describe("a task's log", () => {
  it('shows errors in its fields, whatever their names, in both places', async () => {
    const { log, lines, stored } = await startTaskLog();
    const why = new AggregateError([new Error('db is down')], 'All promises were rejected');
    log.warn('gave up', { why, foreign: runInNewContext('new TypeError("from afar")') });
    const [kept] = await eventually(async () => (await stored()).length === 1 && (await stored()));
    for (const { why, foreign } of [lines[0] ?? {}, kept?.fields as Line]) {
      expect(why).to.include({ type: 'AggregateError' });
      expect(why.message).to.equal('All promises were rejected: db is down');
      expect(foreign).to.include({ type: 'TypeError', message: 'from afar' });
    }
  });

  it("goes into the worker's log and into the record of the task", async () => {
    const { log, lines, stored, broker } = await startTaskLog({ attempt: 2 });
    log.info('page loaded', { url: 'x', bytes: 5 });
    log.warn('slow');
    expect(lines[0]).to.include({ msg: 'page loaded', url: 'x', bytes: 5 });
    const kept = await eventually(async () => (await stored()).length === 2 && (await stored()));
    const { at, ...first } = kept[0] ?? { at: '' };
    expect(first).to.deep.equal({
      number: 1,
      level: 'info',
      message: 'page loaded',
      fields: { url: 'x', bytes: 5 },
      attempt: 2,
    });
    expect(Date.parse(at)).to.be.closeTo(Date.now(), 5000);
    expect(kept[1]).to.include({ number: 2, level: 'warn', message: 'slow' });
    expect((await broker.logs('a', 1)).logs).to.deep.equal([kept[1]]);
    expect((await broker.logs('a', 2)).logs).to.deep.equal([]);
    expect((await broker.read(['a']))[0]?.logs).to.equal(2);
  });

  it('costs a task that writes nothing no command at all', async () => {
    const { config, flush, end } = await startTaskLog();
    const commands = await commandsDuring(config.prefix, async () => {
      await flush();
      end();
    });
    expect(commands).to.deep.equal([]);
  });

  it('stores what comes fast in few writes, each one command', async () => {
    const { config, log, stored, flush } = await startTaskLog();
    const commands = await commandsDuring(config.prefix, async () => {
      const until = performance.now() + 250;
      let count = 0;
      while (performance.now() < until) {
        log.info(`line ${++count}`);
        await sleep(1);
      }
      await flush();
    });
    expect(commands.length).to.be.within(2, 5);
    for (const command of commands) expect(command).to.be.oneOf(['eval', 'evalsha']);
    const kept = await stored();
    expect(messages(kept)).to.deep.equal(kept.map((_, i) => `line ${i + 1}`));
    expect(kept.length).to.be.greaterThan(20);
  });

  it('stores what was written while the last write was on its way, without another line', async () => {
    const proxy = await redisProxy();
    const { log, flush, stored, redis } = await startTaskLog({ url: proxy.url });
    await redis.ping();
    proxy.freeze();
    log.info('first');
    const flushed = flush();
    log.info('second');
    log.info('third');
    await proxy.wake();
    await flushed;
    await eventually(async () => (await stored()).length === 3);
    expect(messages(await stored())).to.deep.equal(['first', 'second', 'third']);
  });

  it('stores what is left when it is flushed, before whatever is sent to Redis next', async () => {
    const { log, flush, redis, keys } = await startTaskLog();
    log.info('first');
    await flush();
    log.info('last');
    const flushed = flush();
    expect(await redis.llen(keys.logs('default', 'a'))).to.equal(2);
    await flushed;
  });

  it('stores what is left at the end, and nothing more afterwards', async () => {
    const { log, lines, end, stored } = await startTaskLog();
    log.info('before');
    end();
    log.info('after');
    await eventually(async () => (await stored()).length === 1);
    // Longer than the pause between two writes.
    await sleep(250);
    expect(messages(await stored())).to.deep.equal(['before']);
    expect(lines.map(({ msg }) => msg)).to.deep.equal(['before', 'after']);
  });

  it('keeps the last thousand lines and counts all, also those of one moment', async () => {
    const { log, flush, broker, redis, keys } = await startTaskLog();
    for (let n = 1; n <= 800; n++) log.info(`line ${n}`);
    await flush();
    for (let n = 801; n <= 2500; n++) log.info(`line ${n}`);
    await flush();
    const { logs, total } = await broker.logs('a', 0);
    expect(total).to.equal(2500);
    expect(logs.length).to.equal(1000);
    expect(logs[0]).to.include({ number: 1501, message: 'line 1501' });
    expect(logs.at(-1)).to.include({ number: 2500, message: 'line 2500' });
    expect(await redis.llen(keys.logs('default', 'a'))).to.equal(1000);
    expect((await broker.logs('a', 2498)).logs.map(({ number }) => number)).to.deep.equal([
      2499, 2500,
    ]);
  });

  for (const [level, count] of [
    ['info', 1],
    ['debug', 2],
  ] as const) {
    it(`keeps ${count} of a debug and an info line at the level ${level}`, async () => {
      const { log, flush, stored } = await startTaskLog({ level });
      log.debug('details');
      log.info('news');
      await flush();
      expect((await stored()).length).to.equal(count);
    });
  }

  const circle: { self?: object } = {};
  circle.self = circle;
  const FIELDS: readonly (readonly [why: string, fields: object, kept: object])[] = [
    ['are fine', { a: [1, null, 'x'] }, { a: [1, null, 'x'] }],
    ['go in circles', circle, { left_out: 'fields that are no JSON object' }],
    ['hold a bigint', { n: 1n }, { left_out: 'fields that are no JSON object' }],
    ['are a list', [1, 2], { left_out: 'fields that are no JSON object' }],
    ['are too large', { text: 'x'.repeat(5000) }, { left_out: 'fields of 5011 bytes' }],
  ];
  for (const [why, fields, kept] of FIELDS) {
    it(`keeps of fields that ${why}: ${JSON.stringify(kept)}`, async () => {
      const { log, flush, stored } = await startTaskLog();
      log.info('look', fields);
      await flush();
      expect((await stored())[0]?.fields).to.deep.equal(kept);
    });
  }

  for (const [why, fields, type] of [
    ['hold an error', { err: new RangeError('far') }, 'RangeError'],
    ['are an error', new TypeError('far'), 'TypeError'],
  ] as const) {
    it(`keeps of fields that ${why} its class, its message and where it comes from`, async () => {
      const { log, flush, stored } = await startTaskLog();
      log.info('look', fields);
      await flush();
      const { err } = (await stored())[0]?.fields ?? {};
      expect(err).to.include({ type, message: 'far' });
      expect(err)
        .to.have.property('traceback')
        .that.match(/^\w+: far\n +at .*taskLog\.test\.ts/);
    });
  }

  it('rather leaves out the traceback of an error than the fields', async () => {
    const { log, flush, stored } = await startTaskLog();
    const err = new RangeError('far');
    err.stack = `${err.stack}${'\n    at deep (deep.ts:1:1)'.repeat(200)}`;
    log.info('look', { a: 1, err });
    await flush();
    const kept = { a: 1, err: { type: 'RangeError', message: 'far' } };
    expect((await stored())[0]?.fields).to.deep.equal(kept);
  });

  for (const letter of ['x', 'ü', '"', '\u0001', '💥']) {
    it(`cuts a message of 100,000 ${JSON.stringify(letter)} so that its line fits in 4 KiB`, async () => {
      const { log, flush, stored, redis, keys } = await startTaskLog();
      log.error(letter.repeat(100_000), { a: 'x'.repeat(1500) });
      log.error('short', { a: 'x'.repeat(3500) });
      await flush();
      const [line = ''] = await redis.lrange(keys.logs('default', 'a'), 0, 0);
      expect(Buffer.byteLength(line)).to.be.within(3900, 4096);
      const [long, short] = await stored();
      expect(long?.message).to.match(/… \(\d{6} characters\)$/);
      expect(long?.message.startsWith(letter.repeat(10))).to.equal(true);
      expect(long?.fields).to.deep.equal({ a: 'x'.repeat(1500) });
      expect(short?.fields).to.deep.equal({ a: 'x'.repeat(3500) });
    });
  }

  it('leaves nothing behind of a task that is gone', async () => {
    const { log, flush, redis, config } = await startTaskLog();
    await redis.del(`${config.prefix}:default:a`);
    log.info('into the void');
    await flush();
    expect(await redis.keys(`${config.prefix}:default:a*`)).to.deep.equal([]);
  });
});
