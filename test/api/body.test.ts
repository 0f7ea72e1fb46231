import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { echo } from '../fixtures/quick.ts';
import type { TestApi } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { chunk, openRaw, postHead } from '../support/raw.ts';
import { startApiAlone, storedIn } from '../support/stack.ts';

const MIB = 1024 * 1024;
const TASK = '{"name":"echo"}';

/** A task that is so many bytes long. */
function taskOf(bytes: number): string {
  const [start, end] = ['{"name":"echo","kwargs":{"x":"', '"}}'];
  return start + 'x'.repeat(bytes - start.length - end.length) + end;
}

/** A task whose body nests so many levels deep. */
function nested(levels: number): string {
  return `{"name":"echo","args":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
}

describe('the body of a request', () => {
  let api: TestApi;
  let redis: Redis;
  let lines: Record<string, unknown>[];

  beforeEach(async () => {
    const collected = collectLog();
    lines = collected.lines;
    ({ api, redis } = await startApiAlone([echo], {}, { log: collected.log }));
  });

  for (const [title, body] of [
    ['nothing', ''],
    ['blanks', ' \n\t '],
    ['half a JSON text', '{"name":"echo"'],
    ['two JSON texts', `${TASK}${TASK}`],
    ['a JavaScript object', "{name: 'echo'}"],
    ['NaN', '{"name":"echo","args":[NaN]}'],
    ['invalid UTF-8', Buffer.from(TASK.replace('ec', '\xff\xfe'), 'latin1')],
    ['a cut UTF-8 sequence', Buffer.from('{"name":"echo","args":["\xe2\x82"]}', 'latin1')],
    ['an encoded surrogate', Buffer.from('{"name":"echo","args":["\xed\xa0\x80"]}', 'latin1')],
    ['UTF-16', Buffer.from(TASK, 'utf16le')],
    ['65 levels', nested(65)],
    ['100,000 levels', nested(100_000)],
    ['100,000 levels that never close', '['.repeat(100_000)],
  ] as const) {
    it(`is refused with 400 when it is ${title}`, async () => {
      const { status, body: problem } = await api.post('/v1/send_task', body);
      expect(status).to.equal(400);
      expect(problem).to.have.all.keys('type', 'title', 'status', 'detail', 'instance');
      expect(problem).to.include({ type: 'urn:kaje:problem:malformed_body', status: 400 });
      expect(await storedIn(redis, api.config)).to.equal(0);
    });
  }

  for (const [title, body] of [
    ['64 levels deep', nested(64)],
    ['exactly 1 MiB', taskOf(MIB)],
    ['between a byte order mark and a newline', `\ufeff${TASK}\n`],
  ] as const) {
    it(`is taken when it is ${title}`, async () => {
      expect((await api.post('/v1/send_task', body)).status).to.equal(202);
      expect(await storedIn(redis, api.config)).to.equal(1);
    });
  }

  it('of exactly 1 MiB is taken in chunks, and read back whole', async () => {
    const text = taskOf(MIB);
    const parts = [text.slice(0, 1), text.slice(1, 700_000), text.slice(700_000)].map(chunk);
    const head = postHead('/v1/send_task', { 'transfer-encoding': 'chunked' });
    const { closed } = await openRaw(api.url, head, ...parts, '0\r\n\r\n');
    const answer = await closed;
    expect(answer).to.match(/^HTTP\/1\.1 202 /);
    const id = /\r\nlocation: (\S+)/i.exec(answer)?.[1] ?? '';
    expect((await api.get(`/v1/${id}`)).body.kwargs).to.deep.equal(JSON.parse(text).kwargs);
  });

  it('over 1 MiB is refused with 413 by its Content-Length, before it is sent', async () => {
    const head = postHead('/v1/send_task', { 'content-length': MIB + 1 });
    const { socket, received } = await openRaw(api.url, head);
    await eventually(() => /^HTTP\/1\.1 413 /.test(received()));
    expect(received()).to.match(/content-type: application\/problem\+json/i);
    expect(received()).to.include('at most 1048576 bytes');
    socket.destroy();
    expect((await api.post('/v1/send_task', taskOf(MIB + 1))).status).to.equal(413);
    expect(await storedIn(redis, api.config)).to.equal(0);
  });

  it('over 1 MiB is refused with 413 in chunks as soon as it is too long', async () => {
    const head = postHead('/v1/send_task', { 'transfer-encoding': 'chunked' });
    const { received } = await openRaw(api.url, head, chunk(taskOf(MIB)), chunk(' '));
    await eventually(() => /^HTTP\/1\.1 413 /.test(received()));
    expect(await storedIn(redis, api.config)).to.equal(0);
  });

  for (const [title, headers] of [
    ['plain text', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['NDJSON for one task', { 'content-type': 'application/x-ndjson' }],
    ['an empty type', { 'content-type': '' }],
    ['Latin-1', { 'content-type': 'application/json; charset=iso-8859-1' }],
    ['UTF-16', { 'content-type': 'application/json; charset="utf-16"' }],
    ['gzip', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ] as const) {
    it(`is refused with 415 as ${title}`, async () => {
      const { status, body } = await api.post('/v1/send_task', TASK, headers);
      expect(status).to.equal(415);
      expect(body).to.include({ type: 'urn:kaje:problem:unsupported_media_type', status: 415 });
      expect(body.detail).to.include('application/json');
      expect(await storedIn(redis, api.config)).to.equal(0);
    });
  }

  for (const type of [
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/json; charset=utf8; profile=x',
  ]) {
    it(`is taken as ${type}`, async () => {
      const { status } = await api.post('/v1/send_task', TASK, { 'content-type': type });
      expect(status).to.equal(202);
    });
  }

  it('that breaks off in the middle stores nothing and is no fault of the API', async () => {
    const head = postHead('/v1/send_task', { 'content-length': TASK.length + 9 });
    const { socket } = await openRaw(api.url, head, TASK);
    socket.resetAndDestroy();
    const line = await eventually(() => lines.find(({ path }) => path === '/v1/send_task'));
    expect(line).to.include({ status: 400, level: 30 });
    expect(await storedIn(redis, api.config)).to.equal(0);
    expect((await api.post('/v1/send_task', TASK)).status).to.equal(202);
  });

  const BIG = '9007199254740993';
  for (const [path, body, at] of [
    ['/v1/send_task', `{"name":"echo","kwargs":{"id":${BIG}}}`, '/kwargs/id'],
    ['/v1/send_task', `{"name":"echo","args":[1,{"a":[-${BIG}]}]}`, '/args/1/a/0'],
    ['/v1/send_task', `{"name":"echo","headers":{"tenant":${BIG}}}`, '/headers/tenant'],
    ['/v1/send_task', '{"name":"echo","args":[-1e400]}', '/args/0'],
    [
      '/v1/send_tasks',
      `{"tasks":[{"name":"echo"},{"name":"echo","args":[${BIG}]}]}`,
      '/tasks/1/args/0',
    ],
    ['/v1/revoke', `{"header":{"name":"tenant","value":${BIG}}}`, '/header/value'],
    ['/v1/results', `{"task_ids":[${BIG}]}`, '/task_ids/0'],
    ['/v1/tasks/t/revoke', `{"terminate":${BIG}}`, '/terminate'],
    ['/v1/workers/w/ping', `{"timeout":${BIG}}`, '/timeout'],
  ] as const) {
    for (const type of ['application/json', 'application/json; charset=utf-8']) {
      it(`names the number that no double holds: ${path} ${at} as ${type}`, async () => {
        const { status, body: problem } = await api.post(path, body, { 'content-type': type });
        expect(status).to.equal(400);
        expect(problem.type).to.equal('urn:kaje:problem:inexact_number');
        expect(problem.errors).to.have.length(1);
        expect(problem.errors[0].path).to.equal(at);
        expect(problem.detail).to.match(
          /expected a number that a double holds, got .*: send it as a text$/,
        );
        expect(await storedIn(redis, api.config)).to.equal(0);
      });
    }
  }

  it('names the line of NDJSON with a number that no double holds', async () => {
    const body = `{"name":"echo"}\n{"name":"echo","args":[${BIG}]}`;
    const type = { 'content-type': 'application/x-ndjson' };
    const { status, body: problem } = await api.post('/v1/send_tasks', body, type);
    expect(status).to.equal(400);
    expect(problem.errors[0].path).to.equal('/tasks/1/args/0');
    expect(await storedIn(redis, api.config)).to.equal(0);
  });

  it('takes the largest numbers that are held, and decimals as the nearest that is', async () => {
    const body = '{"name":"echo","args":[9007199254740992,1e308,0.12345678901234567890]}';
    const { status, body: sent } = await api.post('/v1/send_task', body);
    expect(status).to.equal(202);
    expect(sent.args).to.deep.equal([2 ** 53, 1e308, 0.12345678901234568]);
  });

  it('is not needed where the contract names none', async () => {
    const { status } = await api.post('/v1/tasks/none/retry');
    expect(status).to.equal(404);
  });

  it('is bounded by the setting', async () => {
    const { api: small } = await startApiAlone([echo], { maxBodyBytes: TASK.length });
    expect((await small.post('/v1/send_task', TASK)).status).to.equal(202);
    expect((await small.post('/v1/send_task', `${TASK} `)).status).to.equal(413);
    expect((await small.post('/v1/results', `{"task_ids": ["aa"]}`)).status).to.equal(413);
  });
});
