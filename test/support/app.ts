/** The app of the API over a broker of the test's own, for what no real Redis would answer. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';
import { createApp, createListener } from '../../api/app.ts';
import type { Broker } from '../../shared/broker.ts';
import { createProducer } from '../../shared/producer.ts';
import { createWatcher } from '../../shared/watcher.ts';
import { clientOf } from './api.ts';
import { defer } from './defer.ts';
import { collectLog } from './log.ts';
import { testConfig } from './redis.ts';

/** Over a broker of which only these methods are there; `extend` adds to what the app answers. */
export async function startApp(
  methods: Partial<Broker>,
  extend: (app: Koa) => void = () => undefined,
) {
  const { log, lines } = collectLog();
  const now = Date.now;
  const read = async () => ({ earliest: now(), latest: now() });
  const clock = { read, now, aheadMs: () => 0 };
  // Not a copy: what stands behind `methods` may make them as they are asked for.
  const broker = new Proxy(methods as Broker, {
    get: (given, name) =>
      name === 'clock' && !Object.hasOwn(given, name) ? clock : Reflect.get(given, name),
  });
  const catalog = {
    known: () => undefined,
    find: async () => (await broker.specs()).get(''),
    names: () => [],
  };
  const deps = {
    ...{ broker, log, watcher: createWatcher(broker), maxBodyBytes: 1000 },
    ...{ producer: createProducer({ broker, catalog }), stopping: new AbortController().signal },
  };
  const app = createApp(deps);
  extend(app);
  const server = createServer(createListener(deps, app)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => void server.close().closeAllConnections();
  defer(stop);
  const { port } = server.address() as AddressInfo;
  return { api: clientOf(`http://127.0.0.1:${port}`, testConfig(), stop), lines };
}
