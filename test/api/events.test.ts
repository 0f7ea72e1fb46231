import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask } from '../../client/index.ts';
import { add, boom, echo, hold, report } from '../fixtures/quick.ts';
import { schemaProblem } from '../support/contract.ts';
import { eventually } from '../support/eventually.ts';
import { openRaw } from '../support/raw.ts';
import { openSse } from '../support/sse.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

const startBoth = () => startApiAndWorker([add, boom, echo, hold, report]);

describe('GET /v1/tasks/{task_id}/events', () => {
  it('tells the story of a task until its end, each event as a whole AsyncResult', async () => {
    const { api } = await startApiAlone([report]);
    await api.post('/v1/send_task', { name: 'report', args: [4], task_id: 't' });
    const { response, events: seen, ended } = await openSse(`${api.url}/v1/tasks/t/events`);
    await eventually(() => seen().length === 1);
    await startTestWorker(api.config, [report]);
    expect(response.status).to.equal(200);
    expect(response.headers.get('content-type')).to.match(/^text\/event-stream/);
    expect(response.headers.get('cache-control')).to.equal('no-cache, no-transform');
    expect(response.headers.get('x-accel-buffering')).to.equal('no');
    const events = await ended;
    const told = events.map(({ event, data }) => `${event} ${data.state}`);
    expect(told[0]).to.equal('state PENDING');
    expect(told).to.include('progress PROGRESS');
    expect(told.at(-1)).to.equal('state SUCCESS');
    expect(new Set(events.map(({ id }) => id)).size).to.equal(events.length);
    for (const { data } of events) {
      expect(schemaProblem('#/components/schemas/AsyncResult', data)).to.equal(undefined);
    }
    const done = events.flatMap(({ data }) => data.progress?.done ?? []);
    expect(done).to.deep.equal([...done].sort());
    expect(events.at(-1)?.data.result).to.equal(4);
  });

  it('writes the format byte for byte: retry once, then id, event and data', async () => {
    const api = await startBoth();
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 't' });
    const { raw, ended } = await openSse(`${api.url}/v1/tasks/t/events`);
    await ended;
    const result = (await api.get('/v1/tasks/t')).body;
    const lines = raw().split('\n');
    expect(lines.slice(0, 2)).to.deep.equal(['retry: 1000', '']);
    expect(lines[2]).to.match(/^id: \S+$/);
    expect(lines[3]).to.equal('event: state');
    expect(JSON.parse(lines[4]?.replace(/^data: /, '') ?? '')).to.deep.equal(result);
    expect(lines.slice(5)).to.deep.equal(['', '']);
  });

  it('tells of a finished task once and ends', async () => {
    const api = await startBoth();
    await api.post('/v1/send_task?wait=10', { name: 'boom', task_id: 't' });
    const events = await (await openSse(`${api.url}/v1/tasks/t/events`)).ended;
    expect(events.map(({ data }) => data.state)).to.deep.equal(['FAILURE']);
    expect(events[0]?.data.error.type).to.equal('RangeError');
  });

  it('goes on behind Last-Event-ID, and starts anew where that makes no sense', async () => {
    const { api } = await startApiAlone([add]);
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: 't' });
    const first = await openSse(`${api.url}/v1/tasks/t/events`);
    await eventually(() => first.events().length === 1);
    await startTestWorker(api.config, [add]);
    const all = await first.ended;
    const states = async (lastId: string) => {
      const stream = await openSse(`${api.url}/v1/tasks/t/events`, { 'last-event-id': lastId });
      return (await stream.ended).map(({ data }) => data.state);
    };
    expect(await states(all[0]?.id ?? '')).to.deep.equal(['STARTED', 'SUCCESS']);
    expect(await states('nonsense')).to.deep.equal(['SUCCESS']);
  });

  it('answers 204 behind the final event, so that an EventSource stops coming back', async () => {
    const api = await startBoth();
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 't' });
    const [final] = await (await openSse(`${api.url}/v1/tasks/t/events`)).ended;
    const again = await api.get('/v1/tasks/t/events', { 'last-event-id': final?.id ?? '' });
    expect(again.status).to.equal(204);
    expect(again.text).to.equal('');
  });

  it('answers an unknown id with 404 as a problem', async () => {
    const { api } = await startApiAlone([echo]);
    const { status, body } = await api.get('/v1/tasks/nobody/events');
    expect(status).to.equal(404);
    expect(body).to.include({ type: 'urn:kaje:problem:task_not_found', status: 404 });
  });

  it('tells of the end of a task that was running when it began', async () => {
    const api = await startBoth();
    const task = { name: 'hold', kwargs: { ms: 300 }, task_id: 't' };
    await api.post('/v1/send_task', task);
    const { ended } = await openSse(`${api.url}/v1/tasks/t/events`);
    expect((await ended).at(-1)?.data).to.include({ state: 'SUCCESS', result: 'held' });
  });

  it('leaves no timer and no subscription behind when its clients have left', async () => {
    const { api, redis } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const channels = async () => (await redis.pubsub('CHANNELS', `${api.config.prefix}*`)).length;
    const timers = () =>
      process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length;
    const idle = { channels: await channels(), timers: timers() };
    const path = `${api.url}/v1/tasks/t/events`;
    const streams = await Promise.all(Array.from({ length: 20 }, () => openSse(path)));
    await eventually(() => streams.every((stream) => stream.events().length === 1));
    expect(await channels()).to.equal(idle.channels + 1);
    // One each; of those before, some may have ended meanwhile.
    expect(timers()).to.be.at.least(idle.timers + 15);
    for (const stream of streams) stream.leave();
    await eventually(async () => (await channels()) === idle.channels);
    await eventually(() => timers() < idle.timers + 10);
  });

  it('leaves nothing behind after a client that was gone before it could be answered', async () => {
    const { api, redis } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const channels = async () => (await redis.pubsub('CHANNELS', `${api.config.prefix}*`)).length;
    const idle = await channels();
    for (let n = 0; n < 20; n++) {
      const abort = new AbortController();
      const request = fetch(`${api.url}/v1/tasks/t/events`, { signal: abort.signal });
      setImmediate(() => abort.abort());
      await request.then(
        () => undefined,
        () => undefined,
      );
    }
    await eventually(async () => (await channels()) === idle);
  });

  it('answers HEAD without opening a stream', async () => {
    const { api, redis } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const idle = await redis.pubsub('CHANNELS', `${api.config.prefix}*`);
    const { status, text } = await api.call('/v1/tasks/t/events', { method: 'HEAD' });
    expect([status, text]).to.deep.equal([200, '']);
    await eventually(async () => {
      const open = await redis.pubsub('CHANNELS', `${api.config.prefix}*`);
      return open.length === idle.length;
    });
  });

  it('ends its streams when the API stops', async () => {
    const { api } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const { ended, events } = await openSse(`${api.url}/v1/tasks/t/events`);
    await eventually(() => events().length === 1);
    await api.stop();
    expect((await ended).map(({ data }) => data.state)).to.deep.equal(['PENDING']);
  });

  it('tells a client that does not read fewer events, and the final one all the same', async () => {
    let reports = 0;
    const chatty = defineTask('chatty', {
      async run(_input: object, ctx) {
        for (; reports < 30; reports++) {
          await ctx.progress({ reports });
          await sleep(100);
        }
      },
    });
    const api = await startApiAndWorker([chatty]);
    const text = 'x'.repeat(900_000);
    await api.post('/v1/send_task', { name: 'chatty', kwargs: { text }, task_id: 't' });
    const head = 'GET /v1/tasks/t/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
    const { socket, received, closed } = await openRaw(api.url, head);
    socket.pause();
    await eventually(async () => (await api.get('/v1/tasks/t')).body.ready);
    socket.resume();
    await closed;
    // What lies in the sockets of the system is told; what would have to lie in the API is not.
    expect(received().length).to.be.below((reports * text.length) / 2);
    expect(received()).to.match(/"state":"SUCCESS"/);
  });
});
