/** Straight over Redis: one hop less, for programs that may reach it. */
import { setMaxListeners } from 'node:events';
import { linked } from '../../shared/abort.ts';
import { createRedisBroker } from '../../shared/brokers/redis.ts';
import { createCatalog } from '../../shared/catalog.ts';
import { loadConfig } from '../../shared/config.ts';
import { TaskNotFoundError } from '../../shared/errors.ts';
import { eventsSince } from '../../shared/events.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { createProducer } from '../../shared/producer.ts';
import type { AsyncResultBody } from '../../shared/protocol.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../../shared/redis.ts';
import type { TaskRecord } from '../../shared/results.ts';
import { createWatcher } from '../../shared/watcher.ts';
import type { Transport } from './transport.ts';

/** Milliseconds that the first call waits for the connection to be there at all. */
const CONNECT_MS = 2000;

/**
 * @param url redis://, rediss:// or a socket path
 * @param prefix first part of every key. Default: kaje
 */
export function createRedisTransport(url: string, prefix: string | undefined): Transport {
  const log = silentLog();
  const redis = connectFailingFast(url, log);
  const subscriber = connectPatiently(url, log);
  const broker = createRedisBroker({ redis, subscriber, prefix: prefix ?? loadConfig({}).prefix });
  const producer = createProducer({ broker, catalog: createCatalog(broker) });
  const watcher = createWatcher(broker);
  const connected = whenConnected(redis, CONNECT_MS);
  // Waits and streams end with the client, or they would keep its process alive.
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);

  return {
    async sendTask(request) {
      await connected;
      return (await producer.send(request)).result;
    },
    async sendTasks(requests) {
      await connected;
      const sent = await producer.sendMany(requests);
      return sent.map(({ result }) => ({ task_id: result.task_id, state: result.state }));
    },
    async read(id, waitMs, signal) {
      await connected;
      const either = linked(signal, closing.signal);
      const record = await watcher.wait(id, waitMs, either.signal).finally(either.unlink);
      if (!record) throw new TaskNotFoundError(id);
      return record.result;
    },
    async forget(id) {
      await connected;
      await broker.forget(id);
    },
    async *events(id, signal) {
      await connected;
      const [first] = await broker.read([id]);
      if (!first) throw new TaskNotFoundError(id);
      const either = linked(signal, closing.signal);
      const follow = (seen: Seen) => watcher.watch(id, seen, { live: true });
      try {
        yield* storyOf(id, followed(follow, either.signal));
      } finally {
        either.unlink();
      }
    },
    registry: () => connected.then(broker.registry),
    queues: () => connected.then(broker.queues),
    workers: () => connected.then(broker.workers),
    async close() {
      closing.abort();
      await broker.close();
    },
  };
}

async function* storyOf(
  id: string,
  records: AsyncIterable<TaskRecord | null>,
): AsyncGenerator<AsyncResultBody, void> {
  let lastId: string | undefined;
  for await (const record of records) {
    if (!record) throw new TaskNotFoundError(id);
    for (const event of eventsSince(record, lastId)) {
      lastId = event.id;
      yield event.result;
    }
    if (record.result.ready) return;
  }
}

type Seen = (record: TaskRecord | null) => void;

/** Turns a callback into an iterator; ends when the signal says so. */
async function* followed(
  watch: (seen: Seen) => () => void,
  signal: AbortSignal,
): AsyncGenerator<TaskRecord | null, void> {
  const seen: (TaskRecord | null)[] = [];
  let wake: () => void = () => undefined;
  const stop = watch((record) => {
    seen.push(record);
    wake();
  });
  const onAbort = () => wake();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      const record = seen.shift();
      if (record !== undefined) yield record;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop();
  }
}

/** A library writes no log of its own: its errors are thrown at whoever calls. */
function silentLog(): Log {
  return createLog({ logLevel: 'silent', logFormat: 'json' }, 'client');
}
