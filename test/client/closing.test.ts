import { expect } from 'chai';
import { AsyncResult, Kaje } from '../../client/index.ts';
import { createRedisTransport } from '../../client/transports/redis.ts';
import type { Transport } from '../../client/transports/transport.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { publishTasks } from '../support/stack.ts';
import { answering } from './answering.ts';
import { errorOf, overBothTransports } from './connect.ts';
import { add } from './tasks.ts';

describe('close() over Redis', () => {
  it('ends a get() that has looked before, with an error that says why', async () => {
    const config = testConfig();
    await publishTasks(config, [add]);
    const transport = createRedisTransport(config.redisUrl, config);
    defer(() => transport.close());
    const { task_id: id } = await transport.sendTask({ name: 'add', kwargs: { a: 1, b: 2 } });
    const { looks, ...impatient } = withShortLooks(transport);
    const waiting = errorOf(new AsyncResult(id, impatient).get());
    await eventually(() => looks() > 2);
    await transport.close();
    expect(await waiting).to.have.property('code', 'CLIENT_CLOSED');
  });

  it('ends a get() in the middle of its first look, with the same error', async () => {
    const config = testConfig();
    await publishTasks(config, [add]);
    const kaje = new Kaje({ redis: config.redisUrl, prefix: config.prefix });
    const result = await kaje.sendTask('add', { a: 1, b: 2 });
    expect(await result.state).to.equal('PENDING');
    const waiting = errorOf(result.get());
    await new Promise((resolve) => setImmediate(resolve));
    await kaje.close();
    expect(await waiting).to.have.property('code', 'CLIENT_CLOSED');
    expect(await errorOf(result.info)).to.have.property('code', 'CLIENT_CLOSED');
  });
});

const CLOSED = { code: 'CLIENT_CLOSED' };

async function drained(loop: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of loop) count++;
  return count;
}

describe('close()', () => {
  overBothTransports((connect) => {
    it('ends what waits with an error that says why, and loops over events and logs', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      const waiting = errorOf(result.get());
      const loops = [result.events(), result.followLogs(), kaje.events()].map(drained);
      // Each of them waits by then: what they need of Kaje at their start is asked before this.
      expect(await result.state).to.equal('PENDING');
      await kaje.close();
      expect(await waiting).to.include(CLOSED);
      await Promise.all(loops);
    });

    it('ends pages of tasks that are still to be read', async () => {
      const { kaje } = await connect();
      const call = { name: 'add', input: { a: 1, b: 2 }, options: { countdown: 60 } } as const;
      await kaje.sendTasks(Array.from({ length: 150 }, () => call));
      const tasks = kaje.tasks();
      await tasks.next();
      await kaje.close();
      expect(await errorOf(drained(tasks))).to.include(CLOSED);
    });
  });

  it('over HTTP ends all that is under way but sends, however long it would last', async () => {
    const { url, asked } = await answering(() => undefined);
    const kaje = new Kaje({ url });
    const result = kaje.asyncResult('a');
    const underWay = [
      kaje.purgeQueue('q'),
      kaje.inspect('ping', { timeout: 30 }),
      kaje.control('w', 'ping', { timeout: 30 }),
      kaje.revoke({ tag: 't' }),
      kaje.tasks().next(),
      result.logs(),
      result.forget(),
    ];
    const sending = kaje.sendTask('add', {});
    await eventually(() => asked() === underWay.length + 1);
    const ends = Promise.all(underWay.map(errorOf));
    await kaje.close();
    for (const error of await ends) expect(error).to.include(CLOSED);
    const first = await Promise.race([sending.catch(() => 'cut'), Promise.resolve('under way')]);
    expect(first).to.equal('under way');
    sending.catch(() => undefined);
  });
});

/** Half a minute of waiting in a moment: each look lasts 20 ms at most. */
function withShortLooks(transport: Transport) {
  let count = 0;
  const read: Transport['read'] = (id, waitMs, signal) => {
    count++;
    return transport.read(id, Math.min(waitMs, 20), signal);
  };
  return { ...transport, read, looks: () => count };
}
