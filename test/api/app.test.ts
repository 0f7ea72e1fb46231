import { Readable } from 'node:stream';
import { expect } from 'chai';
import { startApp } from '../support/app.ts';
import { eventually } from '../support/eventually.ts';
import { openRaw } from '../support/raw.ts';

const RAW_END = 'host: x\r\nconnection: close\r\n\r\n';

describe('what fails beside the routes', () => {
  it('is a problem and stands in the log when the answer cannot be written as JSON', async () => {
    const { api, lines } = await startApp({ queues: async () => [1n] as never });
    const { status, body, headers } = await api.get('/v1/queues');
    expect(status).to.equal(500);
    expect(body).to.include({ type: 'urn:kaje:problem:internal', instance: '/v1/queues' });
    const id = headers.get('x-request-id');
    const line = await eventually(() => lines.find(({ request_id: its }) => its === id));
    expect(line).to.include({ level: 50, status: 500 });
    expect(line.err.message).to.match(/BigInt/);
  });

  it('stands in the log when it fails while it is sent', async () => {
    const broken = () => new Readable({ read: (): never => fail() });
    const fail = () => {
      throw new Error('the disk is gone');
    };
    const { api, lines } = await startApp({}, (app) => {
      app.use((ctx) => {
        ctx.body = broken();
      });
    });
    await api.get('/broken').catch(() => undefined);
    const line = await eventually(() => lines.find(({ level }) => level === 50));
    expect(line.err.message).to.equal('the disk is gone');
    expect(line.request_id).to.be.a('string');
  });

  it('is no line of the log when a client leaves early', async () => {
    let hasEnded = false;
    const { api, lines } = await startApp({
      listenToEvents: async () => () => {
        hasEnded = true;
      },
    });
    const { socket, received } = await openRaw(api.url, `GET /v1/events HTTP/1.1\r\n${RAW_END}`);
    await eventually(() => received().includes('retry: 1000'));
    socket.resetAndDestroy();
    await eventually(() => hasEnded);
    expect((await api.get('/health/live')).status).to.equal(200);
    expect(lines.filter(({ level }) => level > 30)).to.deep.equal([]);
  });

  it('is 400 as a problem, and logged, for a target that is no URL', async () => {
    const { api, lines } = await startApp({});
    const { closed } = await openRaw(api.url, `GET http://[bad/ HTTP/1.1\r\n${RAW_END}`);
    const [head = '', body = ''] = (await closed).split('\r\n\r\n');
    expect(head).to.match(/^HTTP\/1\.1 400 /);
    expect(head).to.match(/content-type: application\/problem\+json/i);
    expect(JSON.parse(body)).to.include({
      ...{ type: 'urn:kaje:problem:malformed_url', status: 400, instance: 'http://[bad/' },
    });
    const line = await eventually(() => lines.find(({ status }) => status === 400));
    expect(line).to.include({ method: 'GET', path: 'http://[bad/' });
  });

  it('takes a whole URL as the target of a request, as proxies write it', async () => {
    const { api } = await startApp({});
    const target = `GET http://proxied.example/health/live HTTP/1.1\r\n${RAW_END}`;
    expect(await (await openRaw(api.url, target)).closed).to.match(/^HTTP\/1\.1 200 /);
  });
});

describe('a page of another site', () => {
  const foreign = { 'sec-fetch-site': 'cross-site' };

  it('may not purge, pause, retry, revoke or shut down: 403 before anything is done', async () => {
    const { api } = await startApp({});
    for (const path of [
      ...['/v1/queues/default/purge', '/v1/queues/default/pause', '/v1/tasks/t/retry'],
      ...['/v1/tasks/t/revoke', '/v1/workers/w1/shutdown', '/v1/send_task'],
    ]) {
      const { status, body } = await api.call(path, { method: 'POST', headers: foreign });
      expect(status, path).to.equal(403);
      expect(body).to.include({ type: 'urn:kaje:problem:cross_site', instance: path });
    }
    expect((await api.call('/v1/tasks/t', { method: 'DELETE', headers: foreign })).status).to.equal(
      403,
    );
  });

  it('may read, and pages of the same site and programs may do all', async () => {
    const { api } = await startApp({ queues: async () => [], retry: async () => ({}) as never });
    expect((await api.get('/v1/queues', foreign)).status).to.equal(200);
    for (const site of ['same-origin', 'same-site', 'none', undefined]) {
      const headers: Record<string, string> = site ? { 'sec-fetch-site': site } : {};
      const { status } = await api.post('/v1/revoke', '{', headers);
      expect(status, site).to.equal(400);
    }
  });
});

describe('a read of one task', () => {
  it('asks the broker once, and with a wait once more at its end', async () => {
    let reads = 0;
    const record = { result: { task_id: 't', ready: false } };
    const { api } = await startApp({
      read: async (ids) => {
        reads++;
        return ids.map(() => record) as never;
      },
      listen: () => new Promise(() => undefined),
      hears: () => false,
    });
    const count = async (path: string) => {
      reads = 0;
      await api.call(path).catch(() => undefined);
      return reads;
    };
    expect(await count('/v1/tasks/t')).to.equal(1);
    expect(await count('/v1/tasks/t?wait=0.01')).to.equal(2);
  });
});
