/** The API below a path: of a proxy that takes it away, or of another app that mounts it. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import Koa from 'koa';
import compose from 'koa-compose';
import { createApp } from '../../api/app.ts';
import { Kaje } from '../../client/index.ts';
import { createRedisBroker } from '../../shared/brokers/redis.ts';
import { createCatalog } from '../../shared/catalog.ts';
import { createProducer } from '../../shared/producer.ts';
import { createWatcher } from '../../shared/watcher.ts';
import { boom, echo } from '../fixtures/quick.ts';
import { defer } from '../support/defer.ts';
import { silentLog, testConfig, testRedis } from '../support/redis.ts';
import { publishTasks, startApiAndWorker } from '../support/stack.ts';

/** As nginx with `location /kaje/ { proxy_pass http://api/; }`; answers its URL. */
async function behindProxy(): Promise<string> {
  const api = await startApiAndWorker([echo, boom]);
  const server = createServer((asked, answer) => {
    const url = asked.url ?? '';
    if (!url.startsWith('/kaje/')) return answer.writeHead(404).end();
    const options = { method: asked.method ?? 'GET', headers: asked.headers };
    const passed = request(api.url + url.slice('/kaje'.length), options, (got) => {
      answer.writeHead(got.statusCode ?? 0, got.headers);
      got.pipe(answer);
    });
    asked.pipe(passed);
  });
  return listening(server, '/kaje/');
}

async function listening(server: ReturnType<typeof createServer>, path: string): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
}

/** As koa-mount does: the app sees a path without its first part. */
async function mounted(): Promise<string> {
  const config = testConfig();
  const redis = await publishTasks(config, [echo]);
  const broker = createRedisBroker({
    redis,
    subscriber: testRedis(config.redisUrl),
    prefix: config.prefix,
  });
  const kaje = createApp({
    broker,
    producer: createProducer({ broker, catalog: createCatalog(broker) }),
    watcher: createWatcher(broker),
    log: silentLog(),
    maxBodyBytes: 10_000,
    stopping: new AbortController().signal,
  });
  const inner = compose(kaje.middleware);
  const outer = new Koa();
  outer.use(async (ctx, next) => {
    if (!/^\/jobs(\/|$)/.test(ctx.path)) return next();
    ctx.path = ctx.path.slice('/jobs'.length) || '/';
    await inner(ctx, next);
  });
  return listening(createServer(outer.callback()), '/jobs/');
}

const json = { 'content-type': 'application/json' };
const post = (url: string | URL, body: object = {}) =>
  fetch(url, { method: 'POST', headers: json, body: JSON.stringify(body) });
/** What a reference of an answer means to whoever got it. */
const follow = (answer: Response, reference: string | null) =>
  fetch(new URL(reference ?? '-', answer.url));

describe('the API below a path', () => {
  for (const [how, start] of [
    ['of a proxy', behindProxy],
    ['of an app that mounts it', mounted],
  ] as const) {
    describe(how, () => {
      let base: string;

      beforeEach(async () => {
        base = await start();
      });

      for (const type of ['application/json', 'application/json; charset=utf-8']) {
        it(`tells where a task is that was sent as ${type}`, async () => {
          const body = JSON.stringify({ name: 'echo', task_id: 'a.b-c' });
          const headers = { 'content-type': type };
          const sent = await fetch(`${base}v1/send_task`, { method: 'POST', headers, body });
          expect(sent.status).to.equal(202);
          const found = await follow(sent, sent.headers.get('location'));
          expect(found.url).to.equal(`${base}v1/tasks/a.b-c`);
          expect(await found.json()).to.include({ task_id: 'a.b-c', name: 'echo' });
        });
      }

      it('leads to the next page of a list', async () => {
        for (const task_id of ['a', 'b'])
          await post(`${base}v1/send_task`, { name: 'echo', task_id });
        const first = await fetch(`${base}v1/tasks?limit=1&name=echo`);
        const [, next = ''] = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? [];
        const second = await follow(first, next);
        const ids = [first, second].map(async (page) => {
          const { tasks } = (await page.json()) as { tasks: { task_id: string }[] };
          return tasks[0]?.task_id;
        });
        expect((await Promise.all(ids)).sort()).to.deep.equal(['a', 'b']);
      });

      for (const path of ['', 'docs', 'docs/']) {
        it(`shows its docs at "${path}", with all that they load`, async () => {
          const page = await fetch(base + path);
          expect(page.url).to.equal(`${base}docs`);
          const text = await page.text();
          const loaded = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url ?? '');
          expect(loaded).to.have.length.above(3);
          for (const url of loaded) {
            const asset = await follow(page, url);
            expect(asset.status, url).to.equal(200);
            await asset.arrayBuffer();
          }
          const start = await (await follow(page, 'docs/start.js')).text();
          const document = await follow(page, /url: '([^']+)'/.exec(start)?.[1] ?? '-');
          const { servers } = (await document.json()) as { servers: { url: string }[] };
          expect(new URL(servers[0]?.url ?? '-', document.url).href).to.equal(base);
        });
      }
    });
  }

  for (const slash of ['', '/']) {
    it(`tells where a task is, also one that runs again, to who asks with "${slash}" at the end`, async () => {
      const base = await behindProxy();
      const request = { name: 'boom', task_id: 'again' };
      const sent = await post(`${base}v1/send_task${slash}?wait=20`, request);
      const again = await post(`${base}v1/tasks/again/retry${slash}`);
      expect(again.status).to.equal(202);
      for (const answer of [sent, again]) {
        const found = await follow(answer, answer.headers.get('location'));
        expect(found.url).to.equal(`${base}v1/tasks/again`);
      }
    });
  }

  it('is followed to its docs without a slash at the end of where it is mounted', async () => {
    const base = await mounted();
    expect((await fetch(base.slice(0, -1))).url).to.equal(`${base}docs`);
  });

  it('is used by the client', async () => {
    const kaje = new Kaje({ url: await behindProxy() });
    defer(() => kaje.close());
    const result = await kaje.sendTask('echo', { a: 1 });
    expect(await result.get({ timeout: 20 })).to.deep.include({ input: { a: 1 } });
  });
});
