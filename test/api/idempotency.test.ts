import { expect } from 'chai';
import { add, echo, hold } from '../fixtures/quick.ts';
import { eventually } from '../support/eventually.ts';
import { startApiAlone, startApiAndWorker, storedIn } from '../support/stack.ts';

const startAlone = () => startApiAlone([add, echo]);

describe('a task_id that was sent before', () => {
  it('answers the same request with the task that is there, whatever the order of its keys', async () => {
    const { api, redis } = await startAlone();
    const kwargs = '{"x":{"a":1,"b":[{"c":1,"d":2}]}}';
    const again = '{"x":{"b":[{"d":2,"c":1}],"a":1}}';
    const first = await api.post(
      '/v1/send_task',
      `{"name":"echo","task_id":"t","kwargs":${kwargs}}`,
    );
    const second = await api.post(
      '/v1/send_task',
      `{"kwargs":${again},"task_id":"t","name":"echo"}`,
    );
    expect(first.headers.get('idempotent-replayed')).to.equal(null);
    expect(second.status).to.equal(202);
    expect(second.headers.get('idempotent-replayed')).to.equal('true');
    expect(second.headers.get('location')).to.equal('tasks/t');
    expect(second.body).to.deep.equal(first.body);
    expect(await storedIn(redis, api.config)).to.equal(1);
  });

  it('refuses another request with 409 and leaves the task as it was', async () => {
    const { api, redis } = await startAlone();
    const task = { name: 'echo', task_id: 't', args: [1] };
    const { body: first } = await api.post('/v1/send_task', task);
    const others = [
      { ...task, name: 'add', args: [1, 2] },
      { ...task, args: [2] },
      { ...task, queue: 'other' },
      { ...task, countdown: 60 },
      { name: 'echo', task_id: 't' },
    ];
    for (const other of others) {
      const { status, headers, body } = await api.post('/v1/send_task', other);
      expect(status).to.equal(409);
      expect(headers.get('location')).to.equal(null);
      expect(body).to.include({ type: 'urn:kaje:problem:task_conflict', status: 409 });
      expect(body.detail).to.include('"t"');
    }
    expect((await api.get('/v1/tasks/t')).body).to.deep.equal(first);
    expect(await storedIn(redis, api.config)).to.equal(1);
    expect(await storedIn(redis, api.config, 'other')).to.equal(0);
  });

  it('lets one of many that come at once win, with one answer for each', async () => {
    const { api, redis } = await startAlone();
    const send = (_: unknown, n: number) =>
      api.post('/v1/send_task', { name: 'echo', task_id: 't', args: [n % 2] });
    const answers = await Promise.all(Array.from({ length: 20 }, send));
    const accepted = answers.filter(({ status }) => status === 202);
    const refused = answers.filter(({ status }) => status === 409);
    expect([accepted.length, refused.length]).to.deep.equal([10, 10]);
    const fresh = accepted.filter(({ headers }) => !headers.has('idempotent-replayed'));
    expect(fresh).to.not.have.length(0);
    expect(new Set(accepted.map(({ body }) => body.args[0])).size).to.equal(1);
    expect(await storedIn(redis, api.config)).to.equal(1);
  });

  it('lets one of two processes win', async () => {
    const { api, redis } = await startAlone();
    const { api: other } = await startApiAlone([echo], api.config);
    for (let n = 0; n < 10; n++) {
      const task = { name: 'echo', task_id: `t${n}` };
      const answers = await Promise.all([
        api.post('/v1/send_task', { ...task, args: ['a'] }),
        other.post('/v1/send_task', { ...task, args: ['b'] }),
      ]);
      expect(answers.map(({ status }) => status)).to.have.members([202, 409]);
    }
    expect(await storedIn(redis, api.config)).to.equal(10);
  });

  it('answers a repeat with what the task has become, also with a wait, and runs it once', async () => {
    const api = await startApiAndWorker([add]);
    const task = { name: 'add', args: [1, 2], task_id: 'once' };
    await api.post('/v1/send_task?wait=10', task);
    const plain = await api.post('/v1/send_task', task);
    expect(plain.status).to.equal(202);
    const waited = await api.post('/v1/send_task?wait=10', task);
    expect(waited.status).to.equal(200);
    for (const { headers, body } of [plain, waited]) {
      expect(headers.get('idempotent-replayed')).to.equal('true');
      expect(body).to.include({ state: 'SUCCESS', result: 3 });
    }
    expect((await api.get('/v1/queues/default')).body).to.include({ succeeded: 1, waiting: 0 });
  });

  it('answers a repeat of a running task with the running task', async () => {
    const api = await startApiAndWorker([hold]);
    const task = { name: 'hold', task_id: 'busy' };
    await api.post('/v1/send_task?wait=0.3', task);
    const { status, body } = await api.post('/v1/send_task', task);
    expect(status).to.equal(202);
    expect(body.state).to.equal('STARTED');
  });

  it('is free again once the task was forgotten', async () => {
    const api = await startApiAndWorker([add]);
    await api.post('/v1/send_task?wait=10', { name: 'add', args: [1, 2], task_id: 't' });
    await api.delete('/v1/tasks/t');
    const task = { name: 'add', args: [3, 4], task_id: 't' };
    const { body, headers } = await api.post('/v1/send_task?wait=10', task);
    expect(body.result).to.equal(7);
    expect(headers.get('idempotent-replayed')).to.equal(null);
  });

  it('is free again once its result has expired, also before anybody swept it', async () => {
    const api = await startApiAndWorker([add]);
    const task = { name: 'add', task_id: 't' };
    const short = { ...task, args: [1, 2], result_expires: 0.1 };
    expect((await api.post('/v1/send_task?wait=10', short)).body.result).to.equal(3);
    // Another request: until then it is in conflict with the one that is there.
    const { headers } = await eventually(async () => {
      const answer = await api.post('/v1/send_task', { ...task, args: [3, 4] });
      return answer.status === 202 && answer;
    });
    expect(headers.get('idempotent-replayed')).to.equal(null);
    const { status, body } = await api.get('/v1/tasks/t?wait=10');
    expect(status).to.equal(200);
    expect(body).to.include({ state: 'SUCCESS', result: 7 });
  });

  it('is unknown once its result has expired, and free for the same request', async () => {
    const api = await startApiAndWorker([add]);
    const task = { name: 'add', task_id: 't', args: [1, 2], result_expires: 0.1 };
    await api.post('/v1/send_task?wait=10', task);
    await eventually(async () => (await api.get('/v1/tasks/t')).status === 404);
    const { status, headers, body } = await api.post('/v1/send_task?wait=10', task);
    expect(status).to.equal(200);
    expect(headers.get('idempotent-replayed')).to.equal(null);
    expect(body).to.include({ state: 'SUCCESS', result: 3 });
  });
});
