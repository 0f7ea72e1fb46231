/** Straight over Redis: one hop less, for programs that may reach it. */
import { setMaxListeners } from 'node:events';
import { linked, whenAborted } from '../../shared/abort.ts';
import type { Broker } from '../../shared/broker.ts';
import { createRedisBroker } from '../../shared/brokers/redis.ts';
import { createCatalog } from '../../shared/catalog.ts';
import { type ClusterEvent, eventTypes } from '../../shared/clusterEvents.ts';
import { loadConfig } from '../../shared/config.ts';
import { TaskNotFoundError } from '../../shared/errors.ts';
import { storySince, type TaskEvent } from '../../shared/events.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { controlWorker, inspectWorkers, pauseQueue, purgeQueue } from '../../shared/operate.ts';
import { createProducer } from '../../shared/producer.ts';
import { connectFailingFast, connectPatiently, whenConnected } from '../../shared/redis.ts';
import type { RedisTarget } from '../../shared/redisUrl.ts';
import type { TaskRecord } from '../../shared/results.ts';
import type { RouteRule } from '../../shared/routing.ts';
import { parseTaskQuery } from '../../shared/taskQuery.ts';
import { createWatcher } from '../../shared/watcher.ts';
import { clientClosed } from '../closed.ts';
import { createFeed } from './feed.ts';
import type { Transport } from './transport.ts';

/** Milliseconds that the first call waits for the connection to be there at all. */
const CONNECT_MS = 2000;
/** Events that wait for a slow loop; of more, the oldest are dropped. */
const EVENTS_MAX = 10_000;

export interface RedisTransportOptions {
  /** First part of every key. Default: kaje */
  readonly prefix?: string;
  /** Queues of tasks that name none. Default: none */
  readonly routes?: readonly RouteRule[];
  /** Percent of Redis' maxmemory above which no tasks are sent. Default: 80 */
  readonly memoryLimit?: number;
}

/** @param target where Redis is: redis://, rediss:// or a socket path, with certificates where it wants them */
export function createRedisTransport(
  target: string | RedisTarget,
  { prefix, routes = [], memoryLimit }: RedisTransportOptions = {},
): Transport {
  const log = silentLog();
  const redis = connectFailingFast(target, log);
  const subscriber = connectPatiently(target, log);
  const broker = createRedisBroker({
    redis,
    subscriber,
    prefix: prefix ?? loadConfig({}).prefix,
    ...(memoryLimit === undefined ? {} : { memoryLimit }),
  });
  const producer = createProducer({ broker, catalog: createCatalog(broker), routes });
  const watcher = createWatcher(broker);
  const connected = whenConnected(redis, CONNECT_MS);
  // Waits and streams end with the client, or they would keep its process alive.
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    await connected;
    try {
      return await question();
    } catch (error) {
      // A connection that we have closed is no outage.
      closing.signal.throwIfAborted();
      throw error;
    }
  };

  return {
    async sendTask(request) {
      await connected;
      return (await producer.send(request)).result;
    },
    async sendTasks(requests) {
      await connected;
      const sent = await producer.sendMany(requests);
      return sent.map(({ id, state }) => ({ task_id: id, state }));
    },
    async read(id, waitMs, signal) {
      await connected;
      closing.signal.throwIfAborted();
      const either = linked(signal, closing.signal);
      try {
        const record = await watcher.wait(id, waitMs, whenAborted(either.signal));
        if (!record) throw new TaskNotFoundError(id);
        return record.result;
      } catch (error) {
        // A connection that we have closed is no outage: who waits would wait for its end.
        closing.signal.throwIfAborted();
        throw error;
      } finally {
        either.unlink();
      }
    },
    async forget(id) {
      await ask(() => broker.forget(id));
    },
    revoke: (id, terminate) => ask(() => broker.revoke(id, terminate)),
    revokeMany: (selection) => ask(() => broker.revokeMany(selection)),
    retry: (id) => ask(() => broker.retry(id)),
    setLimits: (task, limits) => ask(() => broker.setLimits(task, limits)),
    list: (query) => ask(() => broker.list(parseTaskQuery(query))),
    logs: (id, after) => ask(() => broker.logs(id, after)),
    attempts: (id) => ask(() => broker.attempts(id)),
    async *events(id, signal) {
      await connected;
      const [first] = await broker.read([id]);
      if (!first) throw new TaskNotFoundError(id);
      const either = linked(signal, closing.signal);
      const follow = (seen: Seen) => watcher.watch(id, seen, { live: true });
      try {
        yield* storyOf(broker, id, followed(follow, either.signal));
      } finally {
        either.unlink();
      }
    },
    async *clusterEvents(types, signal) {
      await connected;
      const wanted = eventTypes(types);
      const feed = createFeed<ClusterEvent>(EVENTS_MAX);
      const stop = await broker.listenToEvents((events) => {
        for (const event of events) if (wanted.has(event.type)) feed.push(event);
      });
      const either = linked(signal, closing.signal);
      // A loop that is busy elsewhere does not come back here at once.
      either.signal.addEventListener('abort', stop);
      try {
        yield* feed.items(either.signal);
      } finally {
        either.unlink();
        stop();
      }
    },
    registry: () => ask(broker.registry),
    queues: () => ask(broker.queues),
    workers: () => ask(broker.workers),
    inspect: (command, options) => ask(() => inspectWorkers(broker, command, options)),
    async control(worker, command, args) {
      return (await ask(() => controlWorker(broker, worker, command, args))).answer;
    },
    pauseQueue: (name, isPaused) => ask(() => pauseQueue(broker, name, isPaused)),
    purgeQueue: (name) => ask(() => purgeQueue(broker, name)),
    async close() {
      closing.abort(clientClosed());
      await broker.close();
    },
  };
}

async function* storyOf(
  broker: Pick<Broker, 'logs'>,
  id: string,
  records: AsyncIterable<TaskRecord | null>,
): AsyncGenerator<TaskEvent, void> {
  let lastId: string | undefined;
  for await (const record of records) {
    if (!record) throw new TaskNotFoundError(id);
    // What cannot be read just now, the next look tells.
    const readLines = (after: number) => broker.logs(id, after);
    const events = await storySince(record, lastId, readLines).catch(() => undefined);
    if (!events) continue;
    lastId = events.at(-1)?.id ?? lastId;
    yield* events;
    if (record.result.ready) return;
  }
}

type Seen = (record: TaskRecord | null) => void;

/** Turns a callback into an iterator; ends when the signal says so. */
async function* followed(
  watch: (seen: Seen) => () => void,
  signal: AbortSignal,
): AsyncGenerator<TaskRecord | null, void> {
  // The last one is enough: what a slow loop has missed, the story tells from it.
  const feed = createFeed<TaskRecord | null>(1);
  const stop = watch(feed.push);
  try {
    yield* feed.items(signal);
  } finally {
    stop();
  }
}

/** A library writes no log of its own: its errors are thrown at whoever calls. */
function silentLog(): Log {
  return createLog({ logLevel: 'silent', logFormat: 'json' }, 'client');
}
