import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { workerEvent } from '../../shared/clusterEvents.ts';
import { createKeys, type Keys } from '../../shared/keys.ts';
import { add, boom, echo, hold } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { startTestBroker } from '../support/broker.ts';
import { schemaProblem } from '../support/contract.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { interceptIntervals } from '../support/intervals.ts';
import { openRaw } from '../support/raw.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { openSse } from '../support/sse.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

const follow = (api: TestApi, query = '') => openSse(`${api.url}/v1/events${query}`);
const HEAD = 'GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n';
const followers = async (redis: Redis, keys: Keys) =>
  Number((await redis.pubsub('NUMSUB', keys.events))[1]);

/** An API without a worker, followed; `tell` publishes events as workers do. */
async function startFollowed(query = '') {
  const { api, redis } = await startApiAlone([echo]);
  const keys = createKeys(api.config.prefix);
  const stream = await follow(api, query);
  const tell = (...workers: string[]) => {
    const events = workers.map((worker) => workerEvent('worker-online', worker, Date.now()));
    return redis.publish(keys.events, JSON.stringify(events));
  };
  return { api, redis, keys, stream, tell };
}

describe('GET /v1/events', () => {
  it('tells what happens to a task, as it happens and as the contract has it', async () => {
    const api = await startApiAndWorker([add, boom]);
    const { response, events } = await follow(api);
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.match(/^text\/event-stream/);
    expect(response.headers.get('cache-control')).to.equal('no-cache, no-transform');
    // Workers learn it by the note, which has no answer.
    await eventually(async () => {
      await api.post('/v1/send_task', { name: 'add', args: [1, 2] });
      return events().some(({ event }) => event === 'task-succeeded');
    });
    await api.post('/v1/send_task', { name: 'boom', task_id: 'b' });
    const story = () => events().filter(({ data }) => data.task_id === 'b');
    await eventually(() => story().length === 4);
    const types = story().map(({ event }) => event);
    const expected = ['task-sent', 'task-received', 'task-started', 'task-failed'];
    expect(types).to.have.members(expected);
    expect(types.filter((type) => type !== 'task-sent')).to.deep.equal(expected.slice(1));
    const failure = story().find(({ event }) => event === 'task-failed');
    expect(failure?.data.error).to.include({ type: 'RangeError' });
    for (const { event, data } of events()) {
      expect(data.type).to.equal(event);
      expect(schemaProblem('#/components/schemas/ClusterEvent', data)).to.equal(undefined);
    }
  });

  it('writes what it tells once, however many follow', async () => {
    const { api, tell, stream } = await startFollowed();
    const others = await Promise.all(
      Array.from({ length: 30 }, (_, i) => follow(api, i % 3 ? '' : '?type=worker-online')),
    );
    let count = 0;
    const stringify = JSON.stringify;
    JSON.stringify = (value: unknown, ...rest: never[]) => {
      if (value instanceof Object && 'worker' in value && value.worker === 'once') count += 1;
      return stringify(value, ...rest);
    };
    defer(() => {
      JSON.stringify = stringify;
    });
    await tell('once', 'twice');
    for (const { events } of [stream, ...others])
      await eventually(
        () => events().filter(({ event }) => event === 'worker-online').length === 2,
      );
    // For those who want all types, and for those of one.
    expect(count).to.equal(2);
  });

  it('tells of an end when the task’s state is stored: who reads it then, finds it', async () => {
    const api = await startApiAndWorker([add, boom]);
    const { events } = await follow(api);
    await eventually(async () => {
      await api.post('/v1/send_task', { name: 'add', args: [1, 2] });
      return events().some(({ event }) => event === 'task-succeeded');
    });
    const { broker } = await startTestBroker(api.config);
    const states: (string | undefined)[] = [];
    const stop = await broker.listenToEvents(async (told) => {
      const ids = told.flatMap((event) =>
        event.type === 'task-succeeded' || event.type === 'task-failed' ? event.task_id : [],
      );
      for (const record of await broker.read(ids)) states.push(record?.result.state);
    });
    defer(stop);
    const tasks = Array.from({ length: 200 }, (_, i) => ({
      name: i % 2 ? 'boom' : 'add',
      args: i % 2 ? [] : [1, 2],
    }));
    await api.post('/v1/send_tasks', { tasks });
    await eventually(() => states.length === 200);
    expect(new Set(states)).to.deep.equal(new Set(['SUCCESS', 'FAILURE']));
  });

  it('tells of a revocation once, whether the task waits, stops by itself or is terminated', async () => {
    const api = await startApiAndWorker([hold]);
    const { events } = await follow(api, '?type=task-revoked');
    const started = async (id: string) => {
      await api.post('/v1/send_task', { name: 'hold', task_id: id });
      await eventually(async () => (await api.get(`/v1/tasks/${id}`)).body.state === 'STARTED');
    };
    await api.post('/v1/send_task', { name: 'hold', task_id: 'waits', countdown: 60 });
    await api.post('/v1/tasks/waits/revoke');
    await started('terminated');
    await api.post('/v1/tasks/terminated/revoke', { terminate: true });
    await started('stops');
    await api.post('/v1/tasks/stops/revoke');
    await eventually(() => events().length === 3);
    const ids = events().map(({ data }) => data.task_id);
    expect(ids.sort()).to.deep.equal(['stops', 'terminated', 'waits']);
    expect(events().find(({ data }) => data.task_id === 'stops')?.data.worker).to.be.a('string');
    for (const { data } of events()) expect(data.error.type).to.equal('TaskRevokedError');
  });

  it('writes the format byte for byte: retry once, then event and data, no id', async () => {
    const { stream, tell } = await startFollowed();
    await tell('w1');
    await eventually(() => stream.events().length === 1);
    const lines = stream.raw().split('\n');
    expect(lines.slice(0, 3)).to.deep.equal(['retry: 1000', '', 'event: worker-online']);
    expect(JSON.parse(lines[3]?.replace(/^data: /, '') ?? '')).to.include({ worker: 'w1' });
    expect(lines.slice(4)).to.deep.equal(['', '']);
  });

  it('tells only the types asked for', async () => {
    const { api, stream, tell } = await startFollowed('?type=task-failed,task-sent');
    const other = await follow(api, '?type=worker-online&type=task-sent');
    await tell('w1');
    await api.post('/v1/send_task', { name: 'echo' });
    await eventually(() => other.events().length === 2);
    await eventually(() => stream.events().length === 1);
    expect(stream.events()[0]?.event).to.equal('task-sent');
  });

  it('refuses a type that no event has with 422, and names the nearest', async () => {
    const { api } = await startApiAlone([]);
    const { status, body } = await api.get('/v1/events?type=task-sent,task-faild');
    expect(status).to.equal(422);
    expect(body.errors).to.have.length(1);
    expect(body.errors[0].path).to.equal('/type');
    expect(body.errors[0].message).to.match(/did you mean "task-failed"\?/);
  });

  it('names no more than twenty of them', async () => {
    const { api } = await startApiAlone([]);
    const { status, body } = await api.get(`/v1/events?type=${'a,'.repeat(5000)}`);
    expect(status).to.equal(422);
    expect(body.errors).to.have.length(20);
  });

  it('answers 503 at once when Redis is away', async () => {
    const { api } = await startApiAlone([], { redisUrl: 'redis://127.0.0.1:1' });
    const { status, headers } = await api.get('/v1/events');
    expect(status).to.equal(503);
    expect(headers.get('retry-after')).to.be.a('string');
  });

  it('is followed while Redis has no memory left', async () => {
    const { url } = await ownRedis();
    const { api, redis } = await startApiAlone([], { redisUrl: url });
    await eventually(async () => (await api.get('/health/ready')).status === 200);
    await redis.config('SET', 'maxmemory', '1mb');
    const { response } = await follow(api);
    expect(response.status).to.equal(200);
    const { eventsWanted } = createKeys(api.config.prefix);
    const left = () => redis.pttl(eventsWanted);
    // Renewed as well.
    await eventually(async () => (await left()) < 8000);
    await eventually(async () => (await left()) > 8000);
  });

  it('sends a comment every 15 seconds, which keeps proxies from closing the stream', async () => {
    const passing = interceptIntervals(15_000);
    const { stream } = await startFollowed();
    await eventually(() => stream.raw() !== '');
    for (let i = 0; i < 2; i++) for (const pass of passing) pass();
    await eventually(() => stream.raw() === 'retry: 1000\n\n: ping\n\n: ping\n\n');
  });

  it('drops what a slow reader does not take, and says how much', async () => {
    const { api, keys, redis } = await startFollowed();
    const { socket, received } = await openRaw(api.url, HEAD);
    await eventually(() => received().includes('retry: 1000'));
    socket.pause();
    // Of workers that come and send no heartbeat is told soon that they have vanished.
    const gone = (worker: string) => workerEvent('worker-offline', worker, 0);
    const events = Array.from({ length: 500 }, (_, i) => gone(`w${i}${'x'.repeat(1000)}`));
    const all = 60 * events.length;
    for (let i = 0; i < 60; i++) await redis.publish(keys.events, JSON.stringify(events));
    await redis.publish(keys.events, JSON.stringify([gone('last')]));
    socket.resume();
    await eventually(() => {
      const told = received().match(/"worker":"(w\d+x|last)/g)?.length ?? 0;
      const dropped = sum([...received().matchAll(/^: dropped (\d+)\r?$/gm)].map(([, n]) => n));
      expect(told + dropped).to.equal(all + 1);
      return dropped > 0;
    });
  });

  it('leaves nothing behind when its clients have left, nor after a HEAD', async () => {
    const { api, redis } = await startApiAlone([echo]);
    const keys = createKeys(api.config.prefix);
    const open = () => openRaw(api.url, HEAD);
    const clients = await Promise.all([open(), open(), open()]);
    await eventually(() => clients.every(({ received }) => received().includes('retry: 1000')));
    expect(await followers(redis, keys)).to.equal(1);
    for (const { socket } of clients) socket.destroy();
    await eventually(async () => (await followers(redis, keys)) === 0);
    expect((await api.call('/v1/events', { method: 'HEAD' })).status).to.equal(200);
    await eventually(async () => (await followers(redis, keys)) === 0);
  });

  it('ends its streams when the API stops', async () => {
    const { api, stream } = await startFollowed();
    await eventually(() => stream.raw() !== '');
    await api.stop();
    expect(await stream.ended).to.deep.equal([]);
  });

  it('keeps the events wanted while a stream is open', async () => {
    const { api } = await startFollowed();
    const redis = testRedis();
    expect(await redis.exists(createKeys(api.config.prefix).eventsWanted)).to.equal(1);
  });
});

const sum = (numbers: readonly unknown[]) =>
  numbers.reduce((total: number, each) => total + Number(each), 0);
