import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask } from '../../client/index.ts';
import { createKeys } from '../../shared/keys.ts';
import { add, boom } from '../fixtures/quick.ts';
import { schemaProblem } from '../support/contract.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { openSse, type SseEvent } from '../support/sse.ts';
import { startApiAlone, startApiAndWorker } from '../support/stack.ts';

/** Writes two lines in each of three runs, of which the last succeeds. */
const chatty = defineTask('chatty', {
  retry: { max: 2, delay: 0.01, jitter: false },
  async run(_input: object, ctx) {
    ctx.log.info('begun', { run: ctx.retries });
    await sleep(150);
    ctx.log.warn('nearly');
    if (ctx.retries < 2) throw new RangeError(`not yet ${ctx.retries}`);
  },
});

/** Writes one line and runs until it is told to stop. */
const slow = defineTask('slow', {
  async run(_input: object, ctx) {
    for (let n = 1; n <= 5; n++) {
      ctx.log.info(`step ${n}`);
      await sleep(150, undefined, { signal: ctx.signal });
    }
  },
});

const messageOf = ({ data }: SseEvent): string => data.message ?? data.state;

describe('GET /v1/tasks/{task_id}/logs', () => {
  it('tells what the task has written in all its runs', async () => {
    const api = await startApiAndWorker([chatty]);
    await api.post('/v1/send_task?wait=10', { name: 'chatty', task_id: 't' });
    const { status, body } = await api.get('/v1/tasks/t/logs');
    expect(status).to.equal(200);
    expect(body.total).to.equal(6);
    const lines = body.logs.map((line: Record<string, unknown>) => {
      return `${line.number} ${line.level} ${line.message} ${JSON.stringify(line.fields)} ${line.attempt}`;
    });
    expect(lines.slice(0, 3)).to.deep.equal([
      ...['1 info begun {"run":0} 1', '2 warn nearly {} 1', '3 info begun {"run":1} 2'],
    ]);
    expect(lines.at(-1)).to.equal('6 warn nearly {} 3');
    const after = await api.get('/v1/tasks/t/logs?after=5');
    expect(after.body).to.deep.equal({ logs: body.logs.slice(5), total: 6 });
  });

  it('is empty for a task that writes nothing, and 404 for an unknown one', async () => {
    const { api } = await startApiAlone([add]);
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: 't' });
    expect((await api.get('/v1/tasks/t/logs')).body).to.deep.equal({ logs: [], total: 0 });
    expect((await api.get('/v1/tasks/nobody/logs')).status).to.equal(404);
    const wrong = await api.get('/v1/tasks/t/logs?after=-1');
    expect([wrong.status, wrong.body.errors[0].path]).to.deep.equal([422, '/after']);
  });

  it('keeps no line of a task that is forgotten, swept, or one of too many', async () => {
    const api = await startApiAndWorker([chatty, add], { resultsMax: 2 });
    const redis = testRedis();
    const keys = createKeys(api.config.prefix);
    for (const id of ['forgotten', 'evicted', 'kept']) {
      await api.post('/v1/send_task?wait=10', { name: 'chatty', task_id: id });
      expect(await redis.llen(keys.logs('default', id)), id).to.equal(6);
      if (id === 'forgotten') await api.delete('/v1/tasks/forgotten');
    }
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2] });
    const left = await redis.keys(keys.logs('default', '*'));
    expect(left).to.deep.equal([keys.logs('default', 'kept')]);
  });
});

describe('the log in GET /v1/tasks/{task_id}/events', () => {
  it('comes live, line by line, and before the end', async () => {
    const api = await startApiAndWorker([slow]);
    await api.post('/v1/send_task', { name: 'slow', task_id: 't', countdown: 0.2 });
    const { ended, events } = await openSse(`${api.url}/v1/tasks/t/events`);
    await eventually(() => events().some((event) => messageOf(event) === 'step 2'));
    expect((await api.get('/v1/tasks/t')).body.ready).to.equal(false);
    const told = await ended;
    const lines = told.filter(({ event }) => event === 'log');
    expect(lines.map(messageOf)).to.deep.equal([1, 2, 3, 4, 5].map((n) => `step ${n}`));
    const item = '#/components/schemas/TaskLogs/properties/logs/items';
    for (const { data } of lines) expect(schemaProblem(item, data)).to.equal(undefined);
    expect(messageOf(told.at(-1) as SseEvent)).to.equal('SUCCESS');
    expect(new Set(told.map(({ id }) => id)).size).to.equal(told.length);
  });

  it('goes on behind Last-Event-ID, in the middle of the lines', async () => {
    const api = await startApiAndWorker([chatty]);
    await api.post('/v1/send_task?wait=10', { name: 'chatty', task_id: 't' });
    const all = await (await openSse(`${api.url}/v1/tasks/t/events`)).ended;
    expect(all.length).to.equal(7);
    const headers = { 'last-event-id': all[3]?.id ?? '' };
    const rest = await (await openSse(`${api.url}/v1/tasks/t/events`, headers)).ended;
    expect(rest.at(-1)).to.deep.equal(all.at(-1));
    expect(rest.filter(({ event }) => event === 'log')).to.deep.equal(all.slice(4, 6));
    const end = await api.get('/v1/tasks/t/events', { 'last-event-id': all.at(-1)?.id ?? '' });
    expect(end.status).to.equal(204);
  });
});

describe('GET /v1/tasks/{task_id}/attempts', () => {
  it('tells the error of each failed run, also when the last one succeeded', async () => {
    const api = await startApiAndWorker([chatty, boom]);
    await api.post('/v1/send_task?wait=10', { name: 'chatty', task_id: 't' });
    const { status, body } = await api.get('/v1/tasks/t/attempts');
    expect(status).to.equal(200);
    const [first, second, ...more] = body.attempts;
    expect(first).to.deep.include({ attempt: 1 });
    expect(first.error).to.include({ type: 'RangeError', message: 'not yet 0' });
    expect(first.error.traceback).to.match(/^RangeError: not yet 0\n {4}at .*logs\.test\.ts:/);
    expect(second).to.deep.include({ attempt: 2 });
    expect(second.error.message).to.equal('not yet 1');
    expect(more).to.deep.equal([]);
    await api.post('/v1/send_task?wait=10', { name: 'boom', task_id: 'b' });
    const failed = (await api.get('/v1/tasks/b')).body;
    expect((await api.get('/v1/tasks/b/attempts')).body.attempts).to.deep.equal([
      { attempt: 1, error: failed.error },
    ]);
  });

  it('has none for a task that waits, and 404 for an unknown one', async () => {
    const { api } = await startApiAlone([add]);
    await api.post('/v1/send_task', { name: 'add', args: [1, 2], task_id: 't' });
    expect((await api.get('/v1/tasks/t/attempts')).body).to.deep.equal({ attempts: [] });
    expect((await api.get('/v1/tasks/nobody/attempts')).status).to.equal(404);
  });
});
