/** The plain send is answered past Koa (api/plainSend.ts): nobody must be able to tell. */
import { expect } from 'chai';
import { add } from '../fixtures/quick.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog, type Line } from '../support/log.ts';
import { chunk, openRaw, postHead } from '../support/raw.ts';
import { startApiAlone, storedIn } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

const PATH = '/v1/send_task';
/** The second one is not plain: Koa answers it. */
const TYPES = ['application/json', 'application/json; charset=utf-8'];

const FOUND = { name: 'add', args: [1, 2] };
const CASES: readonly {
  title: string;
  body: string;
  query?: string;
  headers?: Record<string, string>;
}[] = [
  { title: 'a task', body: JSON.stringify(FOUND) },
  {
    title: 'all options',
    body: JSON.stringify({ ...FOUND, queue: 'q', priority: 2, tags: ['a'] }),
  },
  { title: 'a task that was sent before', body: JSON.stringify({ ...FOUND, task_id: 'known' }) },
  {
    title: 'an id that another has',
    body: JSON.stringify({ name: 'add', args: [3, 3], task_id: 'known' }),
  },
  {
    title: 'a request id of the caller',
    body: JSON.stringify(FOUND),
    headers: { 'x-request-id': 'mine' },
  },
  { title: 'a wait that is too short', body: JSON.stringify(FOUND), query: '?wait=1' },
  { title: 'a wait for no time at all', body: JSON.stringify(FOUND), query: '?wait=0' },
  { title: 'a wait that makes no sense', body: JSON.stringify(FOUND), query: '?wait=soon' },
  {
    title: 'a wait for a task that was sent before',
    body: JSON.stringify({ ...FOUND, task_id: 'known' }),
    query: '?wait=1',
  },
  { title: 'a wait for an unknown task', body: '{"name":"ad"}', query: '?wait=1' },
  { title: 'an unknown task', body: '{"name":"ad"}' },
  { title: 'wrong arguments', body: '{"name":"add","args":["x"]}' },
  { title: 'no object', body: '[]' },
  { title: 'a number that no double holds', body: '{"name":"add","args":[9007199254740993,1]}' },
  {
    title: 'a page of another site',
    body: JSON.stringify(FOUND),
    headers: { 'sec-fetch-site': 'cross-site' },
  },
  { title: 'no JSON', body: '{"name":' },
  { title: 'nothing', body: '' },
  { title: 'no UTF-8', body: '"\xff"' },
  { title: 'more than the limit', body: `{"name":"${'a'.repeat(3000)}"}` },
];

async function startBoth() {
  const { log, lines } = collectLog();
  const { api } = await startApiAlone([add], { maxBodyBytes: 2000 }, { log });
  await api.post(PATH, { ...FOUND, task_id: 'known' });
  return { url: api.url, lines };
}

/** All that a client sees and the log tells, but for what is new in each answer. */
async function answerTo(url: string, lines: readonly Line[], request: readonly string[]) {
  const { closed } = await openRaw(url, ...request.map((text) => Buffer.from(text, 'latin1')));
  const [head = '', text = ''] = (await closed).split('\r\n\r\n');
  const [status, ...headers] = head.split('\r\n');
  const id = /^x-request-id: (.*)$/im.exec(head)?.[1];
  const line = await eventually(() => lines.find(({ request_id: its }) => its === id));
  const { time: _, ms: __, ...told } = line;
  const plain = (seen: string) =>
    seen
      .replaceAll(id ?? '-', 'ID')
      .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/^date: .*/i, 'date');
  return {
    status,
    headers: headers
      .map((each) => plain(each.replace(/^[^:]+/, (name) => name.toLowerCase())))
      .sort(),
    body: JSON.parse(plain(text)),
    line: plain(JSON.stringify(told)),
  };
}

describe('a plain send', () => {
  for (const { title, body, query = '', headers = {} } of CASES) {
    it(`is answered and logged as any other: ${title}`, async () => {
      const { url, lines } = await startBoth();
      const [plain, other] = await Promise.all(
        TYPES.map((type) => {
          const all = { ...headers, 'content-type': type, 'content-length': body.length };
          return answerTo(url, lines, [postHead(PATH + query, all), body]);
        }),
      );
      expect(plain).to.deep.equal(other);
    });
  }

  it('is answered as any other when its task ends while it waits', async () => {
    const { log, lines } = collectLog();
    const { api } = await startApiAlone([add], {}, { log });
    await startTestWorker(api.config, [add]);
    const body = JSON.stringify(FOUND);
    const [plain, other] = await Promise.all(
      TYPES.map((type) => {
        const all = { 'content-type': type, 'content-length': body.length };
        return answerTo(api.url, lines, [postHead(`${PATH}?wait=20`, all), body]);
      }),
    );
    expect(plain?.status).to.equal('HTTP/1.1 200 OK');
    expect(plain?.body).to.include({ state: 'SUCCESS', result: 3 });
    const nameOf = (header: string) => header.split(':')[0];
    expect(Object.keys(plain?.body)).to.deep.equal(Object.keys(other?.body));
    expect(plain?.headers.map(nameOf)).to.deep.equal(other?.headers.map(nameOf));
    expect(plain?.line).to.equal(other?.line);
  });

  it('ends its wait when its client leaves', async () => {
    const { log, lines } = collectLog();
    const { api, redis } = await startApiAlone([add], {}, { log });
    const body = JSON.stringify(FOUND);
    const head = postHead(`${PATH}?wait=20`, { 'content-length': body.length });
    const { socket } = await openRaw(api.url, head, body);
    await eventually(async () => (await storedIn(redis, api.config)) === 1);
    socket.resetAndDestroy();
    const line = await eventually(() => lines.find(({ path }) => path === PATH));
    expect(line.status).to.equal(202);
  });

  it('is answered as any other when its body comes in pieces, as long as it fits', async () => {
    const { url, lines } = await startBoth();
    const bodies = [JSON.stringify(FOUND), `{"name":"${'a'.repeat(3000)}"}`];
    for (const body of bodies) {
      const pieces = [chunk(body.slice(0, 5)), chunk(body.slice(5)), chunk('')];
      const [plain, other] = await Promise.all(
        TYPES.map((type) => {
          const head = postHead(PATH, { 'content-type': type, 'transfer-encoding': 'chunked' });
          return answerTo(url, lines, [head, ...pieces]);
        }),
      );
      expect(plain).to.deep.equal(other);
    }
  });

  it('is no fault of anybody when its client leaves in the middle', async () => {
    const { url, lines } = await startBoth();
    const { socket } = await openRaw(url, postHead(PATH, { 'content-length': 100 }), '{"na');
    socket.resetAndDestroy();
    const line = await eventually(() => lines.find(({ status }) => status === 400));
    expect(line).to.include({ level: 30, path: PATH });
    const { closed } = await openRaw(url, postHead(PATH, { 'content-length': 2 }), '{}');
    expect(await closed).to.match(/^HTTP\/1\.1 422 /);
  });
});
