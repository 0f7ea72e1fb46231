import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { add, echo, filed } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { chunk, openRaw, postHead } from '../support/raw.ts';
import { startApiAlone, startApiAndWorker, storedIn } from '../support/stack.ts';

const ECHO = { name: 'echo' };
const NDJSON = { 'content-type': 'application/x-ndjson' };
const lineOf = (task: unknown) => JSON.stringify(task);

let api: TestApi;
let redis: Redis;

const send = (tasks: unknown) => api.post('/v1/send_tasks', { tasks });
const sendLines = (text: string | Uint8Array) => api.post('/v1/send_tasks', text, NDJSON);
const stored = (queue?: string) => storedIn(redis, api.config, queue);

describe('POST /v1/send_tasks', () => {
  beforeEach(async () => {
    ({ api, redis } = await startApiAlone([add, echo, filed]));
  });

  it('answers 202 with ids and states in the order of the tasks', async () => {
    const tasks = [{ name: 'add', args: [1, 2], task_id: 'z' }, ECHO, { ...ECHO, task_id: 'a' }];
    const { status, body } = await send(tasks);
    expect(status).to.equal(202);
    expect(body.tasks[0]).to.deep.equal({ task_id: 'z', state: 'PENDING' });
    expect(body.tasks[2]).to.deep.equal({ task_id: 'a', state: 'PENDING' });
    const ids = body.tasks.map((each: { task_id: string }) => each.task_id);
    const read = await api.post('/v1/results', { task_ids: ids });
    const names = read.body.results.map((each: { name: string }) => each.name);
    expect(names).to.deep.equal(['add', 'echo', 'echo']);
  });

  it('takes no task at all', async () => {
    const { status, body } = await send([]);
    expect(status).to.equal(202);
    expect(body).to.deep.equal({ tasks: [] });
  });

  it('sends each task to its own queue', async () => {
    await send([ECHO, { name: 'filed' }, { ...ECHO, queue: 'files' }]);
    expect([await stored(), await stored('files')]).to.deep.equal([1, 2]);
  });

  it('takes 10,000 tasks, and refuses one more with 422', async () => {
    const tasks = Array.from({ length: 10_000 }, () => ECHO);
    expect((await send(tasks)).body.tasks).to.have.length(10_000);
    const { status, body } = await send([...tasks, ECHO]);
    expect(status).to.equal(422);
    expect(body.errors[0]).to.include({ path: '/tasks' });
    expect(await stored()).to.equal(10_000);
  });

  it('stores nothing when one is wrong, and names every wrong field by its place', async () => {
    const tasks = [ECHO, { name: 'add', kwargs: { a: 1, b: 'x' } }, { name: 'echoo' }, 7];
    const { status, body } = await send([...tasks, { ...ECHO, task_id: '12' }]);
    expect(status).to.equal(422);
    const paths = body.errors.map((each: { path: string }) => each.path);
    expect(paths).to.deep.equal([
      '/tasks/1/kwargs/b',
      '/tasks/2/name',
      '/tasks/3',
      '/tasks/4/task_id',
    ]);
    expect(body.errors[1].message).to.include('did you mean "echo"?');
    expect(await stored()).to.equal(0);
  });

  it('refuses one id twice in a request', async () => {
    const { status, body } = await send([
      { ...ECHO, task_id: 't' },
      ECHO,
      { ...ECHO, task_id: 't' },
    ]);
    expect(status).to.equal(422);
    expect(body.errors).to.deep.equal([
      { path: '/tasks/2/task_id', message: 'is the same as that of /tasks/0' },
    ]);
    expect(await stored()).to.equal(0);
  });

  it('refuses everything with 409 when one id belongs to another request', async () => {
    await api.post('/v1/send_task', { ...ECHO, task_id: 't' });
    const { status } = await send([ECHO, { ...ECHO, task_id: 't', args: [1] }]);
    expect(status).to.equal(409);
    expect(await stored()).to.equal(1);
  });

  it('answers a repeat with the tasks that are there', async () => {
    const tasks = [
      { ...ECHO, task_id: 'a' },
      { ...ECHO, task_id: 'b' },
    ];
    const first = await send(tasks);
    const second = await send(tasks);
    expect(second.status).to.equal(202);
    expect(second.body).to.deep.equal(first.body);
    expect(await stored()).to.equal(2);
  });

  for (const [title, body, path] of [
    ['a bare list', [ECHO], ''],
    ['no tasks', {}, '/tasks'],
    ['tasks that are no list', { tasks: ECHO }, '/tasks'],
    ['a mistyped field', { tasks: [], task: [] }, '/task'],
  ] as const) {
    it(`refuses ${title} with 422`, async () => {
      const { status, body: problem } = await api.post('/v1/send_tasks', body);
      expect(status).to.equal(422);
      expect(problem.errors[0].path).to.equal(path);
    });
  }
});

describe('POST /v1/send_tasks as NDJSON', () => {
  beforeEach(async () => {
    ({ api, redis } = await startApiAlone([add, echo]));
  });

  const named = ['a', 'ü', 'c'].map((text, i) =>
    lineOf({ ...ECHO, args: [text], task_id: `t${i}` }),
  );
  for (const [title, text] of [
    ['newlines', `${named.join('\n')}\n`],
    ['no newline at the end', named.join('\n')],
    ['carriage returns', `${named.join('\r\n')}\r\n`],
    ['blank lines', `\n \t\r\n${named.join('\n\n\r\n')}\n\n \n`],
  ] as const) {
    it(`takes one task a line with ${title}`, async () => {
      const { status, body } = await sendLines(text);
      expect(status).to.equal(202);
      const ids = body.tasks.map((each: { task_id: string }) => each.task_id);
      expect(ids).to.deep.equal(['t0', 't1', 't2']);
    });
  }

  it('takes lines that are cut anywhere, also inside a letter', async () => {
    const bytes = Buffer.from(`${named.join('\r\n')}\n\n`);
    for (const size of [1, 7, 50]) {
      const parts: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
      const head = postHead('/v1/send_tasks', { ...NDJSON, 'content-length': bytes.length });
      const { closed } = await openRaw(api.url, head, ...parts);
      expect(await closed).to.match(/^HTTP\/1\.1 202 /);
    }
    expect((await api.get('/v1/tasks/t1')).body.args).to.deep.equal(['ü']);
    expect(await stored()).to.equal(3);
  });

  it('takes more than 1 MiB, but no line of more', async () => {
    const big = lineOf({ ...ECHO, kwargs: { x: 'x'.repeat(1024 * 1024 - 36) } });
    expect(big.length).to.be.within(1024 * 1024 - 10, 1024 * 1024);
    expect((await sendLines(`${big}\n${big}\n`)).status).to.equal(202);
    const tooBig = big.replace('"x"', '"xxxxxxxxxxxx"');
    const refused = await sendLines(`${lineOf(ECHO)}\n${tooBig}\n`);
    expect(refused.status).to.equal(413);
    expect(refused.body.detail).to.include('line 2');
    expect(await stored()).to.equal(2);
  });

  it('takes 10,000 lines, and refuses one more without storing any', async () => {
    const line = `${lineOf(ECHO)}\n`;
    expect((await sendLines(line.repeat(10_000))).body.tasks).to.have.length(10_000);
    expect((await sendLines(line.repeat(10_001))).status).to.equal(422);
    expect(await stored()).to.equal(10_000);
  });

  it('refuses a line that is no JSON with 400 and its number', async () => {
    const { status, body } = await sendLines(`${lineOf(ECHO)}\n\n{"name":\n${lineOf(ECHO)}`);
    expect(status).to.equal(400);
    expect(body.detail).to.include('line 3');
    expect(await stored()).to.equal(0);
  });

  it('refuses invalid UTF-8 and 65 levels in a line', async () => {
    const bytes = Buffer.from('{"name":"ec\xff"}\n', 'latin1');
    expect((await sendLines(bytes)).status).to.equal(400);
    const deep = `{"name":"echo","args":${'['.repeat(64)}${']'.repeat(64)}}`;
    expect((await sendLines(deep)).status).to.equal(400);
  });

  it('counts the places of wrong fields without blank lines', async () => {
    const text = `${lineOf(ECHO)}\n\n${lineOf({ name: 'add', kwargs: { a: 'x', b: 1 } })}\n`;
    const { status, body } = await sendLines(text);
    expect(status).to.equal(422);
    expect(body.errors[0].path).to.equal('/tasks/1/kwargs/a');
    expect(await stored()).to.equal(0);
  });

  it('stores nothing of a body that breaks off', async () => {
    const head = postHead('/v1/send_tasks', { ...NDJSON, 'transfer-encoding': 'chunked' });
    const { socket, closed } = await openRaw(api.url, head, chunk(`${lineOf(ECHO)}\n`.repeat(3)));
    socket.end();
    await closed;
    expect(await stored()).to.equal(0);
  });
});

it('runs every task of a batch', async () => {
  const both = await startApiAndWorker([add]);
  const tasks = Array.from({ length: 50 }, (_, n) => ({
    name: 'add',
    args: [n, n],
    task_id: `t${n}`,
  }));
  await both.post('/v1/send_tasks', { tasks });
  const reads = tasks.map(({ task_id }) => both.get(`/v1/tasks/${task_id}?wait=10`));
  const results = (await Promise.all(reads)).map(({ body }) => body.result);
  expect(results).to.deep.equal(tasks.map((_, n) => 2 * n));
});
