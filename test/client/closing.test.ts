import { expect } from 'chai';
import { AsyncResult, Kaje } from '../../client/index.ts';
import { createRedisTransport } from '../../client/transports/redis.ts';
import type { Transport } from '../../client/transports/transport.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig } from '../support/redis.ts';
import { publishTasks } from '../support/stack.ts';
import { errorOf } from './connect.ts';
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

/** Half a minute of waiting in a moment: each look lasts 20 ms at most. */
function withShortLooks(transport: Transport) {
  let count = 0;
  const read: Transport['read'] = (id, waitMs, signal) => {
    count++;
    return transport.read(id, Math.min(waitMs, 20), signal);
  };
  return { ...transport, read, looks: () => count };
}
