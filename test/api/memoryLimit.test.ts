/** Above the memory limit nothing new is taken, on either transport; all else is served. */
import { expect } from 'chai';
import { Kaje } from '../../client/index.ts';
import { createKeys } from '../../shared/keys.ts';
import { errorOf } from '../client/connect.ts';
import { add } from '../fixtures/quick.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { ownRedis } from '../support/server.ts';
import { startApiAlone } from '../support/stack.ts';
import { endStored } from '../support/stored.ts';

const MIB = 2 ** 20;
const ADD = { name: 'add', args: [1, 2] };

/** A task that waits and one that has ended; then the memory is 85 % full. */
async function start() {
  const { url } = await ownRedis();
  const { api, redis } = await startApiAlone([add], { redisUrl: url });
  await eventually(async () => (await api.get('/health/ready')).status === 200);
  for (const task_id of ['waits', 'ended']) await api.post('/v1/send_task', { ...ADD, task_id });
  const keys = createKeys(api.config.prefix);
  await endStored({ redis, keys }, 'ended', { at: Date.now() });
  await redis.config('SET', 'maxmemory', 16 * MIB);
  await redis.setrange('filler', 13 * MIB, 'x');
  await eventually(async () => (await api.get('/health/ready')).body.warning !== undefined);
  return { api, redis, url };
}

describe('an API whose Redis is filled above the memory limit', () => {
  it('answers every send with 503 and Retry-After, and takes them again once there is room', async () => {
    const { api, redis } = await start();
    for (const [path, body] of [
      ['/v1/send_task', ADD],
      ['/v1/send_task', { ...ADD, priority: 8, countdown: 5 }],
      ['/v1/send_task', { ...ADD, task_id: 'new' }],
      ['/v1/send_tasks', { tasks: [ADD, ADD] }],
    ] as const) {
      const refused = await api.post(path, body);
      expect(refused.status).to.equal(503);
      expect(refused.headers.get('retry-after')).to.equal('1');
      expect(refused.body.detail).to.include('KAJE_REDIS_MEMORY_LIMIT');
    }
    await redis.del('filler');
    await eventually(async () => (await api.post('/v1/send_task', ADD)).status === 202);
    expect((await api.get('/health/ready')).body).not.to.have.property('warning');
  });

  it('serves all else: what was sent before, results, revoking', async () => {
    const { api } = await start();
    const again = await api.post('/v1/send_task', { ...ADD, task_id: 'waits' });
    expect(again.headers.get('idempotent-replayed')).to.equal('true');
    expect((await api.get('/v1/tasks/ended')).body.state).to.equal('SUCCESS');
    expect((await api.post('/v1/tasks/waits/revoke')).body.state).to.equal('REVOKED');
    expect((await api.get('/health/ready')).status).to.equal(200);
  });

  it('has clients over Redis refused in the same way, unless they say otherwise', async () => {
    const { api, url } = await start();
    const { prefix } = api.config;
    const clients = [{ url: api.url }, { redis: url, prefix }].map((options) => new Kaje(options));
    const free = new Kaje({ redis: url, prefix, memoryLimit: 100 });
    defer(() => Promise.all([...clients, free].map((kaje) => kaje.close())));
    for (const kaje of clients) {
      const error = await errorOf(kaje.sendTask('add', { a: 1, b: 2 }));
      expect(error).to.have.property('code', 'BROKER_UNAVAILABLE');
      expect(error).to.have.property('message').that.includes('KAJE_REDIS_MEMORY_LIMIT');
    }
    await free.sendTask('add', { a: 1, b: 2 });
  });
});
