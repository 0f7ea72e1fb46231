import { expect } from 'chai';
import { ROUTES, type Route } from '../../shared/protocol.ts';
import { echo } from '../fixtures/quick.ts';
import { startTestApi } from '../support/api.ts';
import { startApp } from '../support/app.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { startApiAlone } from '../support/stack.ts';

const SECRET = 'password hunter2 of 10.0.0.7';

/** The app over a broker whose every method throws what must not get out. */
function startFaultyApi() {
  const fail = () => {
    throw new TypeError(SECRET);
  };
  return startApp(new Proxy({}, { get: () => fail }));
}

describe('what no route answers', () => {
  for (const path of ['/v1', '/v1/send_task/x', '/v1/nothing', '/v2/send_task', '/health', '/x%']) {
    it(`is 404 as a problem: ${path}`, async () => {
      const api = await startTestApi();
      const { status, headers, body } = await api.get(path);
      expect(status).to.equal(404);
      expect(headers.get('content-type')).to.match(/^application\/problem\+json/);
      expect(body).to.have.all.keys('type', 'title', 'status', 'detail', 'instance');
      expect(body).to.include({ type: 'urn:kaje:problem:not_found', status: 404 });
    });
  }

  it('is 405 with Allow where the path takes other methods', async () => {
    const api = await startTestApi();
    for (const [method, path, allow] of [
      ['GET', '/v1/send_task', 'POST'],
      ['PUT', '/v1/tasks/x', 'HEAD, GET, DELETE'],
      ['DELETE', '/health/live', 'HEAD, GET'],
      ['PROPFIND', '/v1/queues', 'HEAD, GET'],
    ] as const) {
      const { status, headers, body } = await api.call(path, { method });
      expect(status).to.equal(405);
      expect(headers.get('allow')?.split(', ')).to.have.members(allow.split(', '));
      expect(body).to.include({ type: 'urn:kaje:problem:method_not_allowed', status: 405 });
    }
  });
});

describe('HEAD and OPTIONS', () => {
  it('HEAD answers as GET does, without the body', async () => {
    const { api } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    for (const path of [
      '/v1/tasks/t',
      '/v1/tasks/nobody',
      '/v1/registry',
      '/docs',
      '/health/live',
    ]) {
      const get = await api.get(path);
      const head = await api.call(path, { method: 'HEAD' });
      expect(head.status, path).to.equal(get.status);
      expect(head.text).to.equal('');
      expect(head.headers.get('content-type')).to.equal(get.headers.get('content-type'));
      expect(head.headers.get('etag')).to.equal(get.headers.get('etag'));
    }
  });

  it('OPTIONS names the methods', async () => {
    const api = await startTestApi();
    const { status, headers, text } = await api.call('/v1/tasks/t', { method: 'OPTIONS' });
    expect([status, text]).to.deep.equal([200, '']);
    expect(headers.get('allow')?.split(', ')).to.have.members(['HEAD', 'GET', 'DELETE']);
  });
});

describe('X-Request-Id', () => {
  it('is taken from the caller, sent back and logged', async () => {
    const { log, lines } = collectLog();
    const { api } = await startApiAlone([echo], {}, { log });
    const { headers } = await api.get('/v1/queues', { 'x-request-id': 'from-A.1_b' });
    expect(headers.get('x-request-id')).to.equal('from-A.1_b');
    const line = await eventually(() => lines.find((each) => each.request_id === 'from-A.1_b'));
    expect(line).to.include({ method: 'GET', path: '/v1/queues', status: 200, msg: 'request' });
    expect(line.ms).to.be.a('number');
  });

  for (const bad of ['', 'a b', 'x'.repeat(129), '<script>', 'a"b']) {
    it(`is made anew instead of "${bad.slice(0, 10)}"`, async () => {
      const api = await startTestApi();
      const ids = await Promise.all(
        [1, 2].map(async () => {
          const { headers } = await api.get('/health/live', { 'x-request-id': bad });
          return headers.get('x-request-id');
        }),
      );
      expect(new Set(ids).size).to.equal(2);
      for (const id of ids) expect(id).to.match(/^[\w.-]{36}$/);
    });
  }
});

describe('the log', () => {
  it('has one line for each request, also for those that are refused', async () => {
    const { log, lines } = collectLog();
    const { api } = await startApiAlone([echo], {}, { log });
    await api.post('/v1/send_task', { name: 'echo' });
    await api.post('/v1/send_task', { name: 'ehco' });
    await api.post('/v1/send_task', '{');
    await api.get('/v1/tasks/nobody');
    await api.get('/nothing');
    await api.get('/health/live');
    const requests = await eventually(() => {
      const found = lines.filter((each) => each.request_id !== undefined);
      return found.length >= 6 && found;
    });
    expect(requests.map(({ status }) => status)).to.deep.equal([202, 422, 400, 404, 404, 200]);
    expect(requests.map(({ level }) => level)).to.deep.equal([30, 30, 30, 30, 30, 20]);
  });
});

/** What a route must be sent to get as far as the fault. */
const BODIES: Readonly<Record<string, string>> = {
  '/v1/send_task': '{"name":"echo"}',
  '/v1/send_tasks': '{"tasks":[{"name":"echo"}]}',
  '/v1/results': '{"task_ids":["x"]}',
  '/v1/revoke': '{"task_ids":["x"]}',
  '/v1/registry/{name}/limits': '{"rate_limit":"1/s"}',
};

describe('a fault of the API', () => {
  const paths = Object.values<Route>(ROUTES).filter(({ path }) => path !== '/health/live');
  for (const { method, path } of paths) {
    it(`is 500 without its message: ${method.toUpperCase()} ${path}`, async () => {
      const { api, lines } = await startFaultyApi();
      const filled = path.replace('{command}', 'ping').replaceAll(/\{\w+\}/g, 'x');
      const body = BODIES[path];
      const headers = { 'content-type': 'application/json' };
      const sent = body === undefined ? {} : { body, headers };
      const answer = await api.call(filled, { method: method.toUpperCase(), ...sent });
      expect(answer.status).to.equal(500);
      expect(answer.body).to.include({ type: 'urn:kaje:problem:internal', status: 500 });
      expect(answer.text).to.not.match(/hunter2|TypeError|at /);
      const id = answer.headers.get('x-request-id');
      const line = await eventually(() => lines.find((each) => each.request_id === id));
      expect(line).to.include({ level: 50, status: 500 });
      expect(line.err.message).to.equal(SECRET);
    });
  }
});
