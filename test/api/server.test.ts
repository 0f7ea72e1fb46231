import { expect } from 'chai';
import { startApi } from '../../api/server.ts';
import { echo } from '../fixtures/quick.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { openRaw, postHead } from '../support/raw.ts';
import { silentLog, testConfig } from '../support/redis.ts';
import { startApiAlone } from '../support/stack.ts';

const SHORT = { headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50 };

describe('a client that is too slow', () => {
  it('is cut before its headers are complete', async () => {
    const api = await startTestApi({}, { limits: SHORT });
    const { closed } = await openRaw(api.url, 'GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: ');
    expect(await closed).to.match(/^HTTP\/1\.1 408 /);
  });

  it('is cut before its body is complete', async () => {
    const { log, lines } = collectLog();
    const api = await startTestApi({}, { limits: SHORT, log });
    for (const path of ['/v1/send_task', '/v1/send_tasks']) {
      const { closed } = await openRaw(api.url, postHead(path, { 'content-length': 100 }), '{"n":');
      expect(await closed).to.match(/^HTTP\/1\.1 4\d\d /);
    }
    expect((await api.get('/health/live')).status).to.equal(200);
    expect(lines.filter(({ level }) => level > 30)).to.deep.equal([]);
  });

  it('may be slow to read, for a wait is no idleness', async () => {
    const { api } = await startApiAlone([echo], {}, { limits: SHORT });
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const { status, body } = await api.get('/v1/tasks/t?wait=1');
    expect(status).to.equal(200);
    expect(body.state).to.equal('PENDING');
  });
});

describe('the server', () => {
  it('holds so many connections and no more', async () => {
    const api = await startTestApi({ maxConnections: 2 });
    const request = 'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n';
    const first = await openRaw(api.url, request);
    const second = await openRaw(api.url, request);
    await eventually(() => [first, second].every((each) => each.received().includes('200 OK')));
    const third = await openRaw(api.url);
    expect(await third.closed).to.equal('');
    first.socket.destroy();
    await eventually(async () => {
      const next = await openRaw(api.url, request);
      await Promise.race([next.closed, eventually(() => next.received() !== '')]);
      return next.received().includes('200 OK');
    });
  });

  it('answers nonsense with 400 and goes on', async () => {
    const api = await startTestApi();
    const { closed } = await openRaw(api.url, 'this is no HTTP\r\n\r\n');
    expect(await closed).to.match(/^HTTP\/1\.1 400 /);
    expect((await api.get('/health/live')).status).to.equal(200);
  });

  it('answers those who wait when it stops, and takes nobody else', async () => {
    const { api } = await startApiAlone([echo]);
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const waiting = api.get('/v1/tasks/t?wait=60');
    const { socket, received } = await openRaw(
      api.url,
      'GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n',
    );
    await eventually(() => received().includes('200 OK'));
    await api.stop();
    expect((await waiting).body.state).to.equal('PENDING');
    await eventually(() => socket.destroyed || socket.readableEnded);
    const refused = await fetch(`${api.url}/health/live`).then(
      () => false,
      () => true,
    );
    expect(refused).to.equal(true);
  });

  it('does not wait for connections that a client has opened ahead and never used', async () => {
    const api = await startTestApi();
    const { closed } = await openRaw(api.url);
    await api.get('/health/live');
    const before = Date.now();
    await api.stop();
    expect(Date.now() - before).to.be.below(4000);
    expect(await closed).to.equal('');
  });

  it('says so when its port is taken, and leaves nothing open', async () => {
    const api = await startTestApi();
    const port = Number(new URL(api.url).port);
    const failure = await startApi(testConfig({ port }), silentLog()).then(
      (second) => void defer(() => second.stop()),
      (error) => error,
    );
    expect(failure?.code).to.equal('PORT_IN_USE');
  });
});
