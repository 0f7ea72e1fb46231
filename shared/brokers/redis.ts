/** The broker on Redis: BullMQ queues, read by our own script, watched over pub/sub. */
import type { Redis } from 'ioredis';
import type { Broker } from '../broker.ts';
import { createAnnouncer, createBus } from '../bus.ts';
import { TaskNotFoundError, WrongStateError } from '../errors.ts';
import { createKeys } from '../keys.ts';
import type { AsyncResultBody } from '../protocol.ts';
import { ANSWER_WITHIN_MS, answered, disconnect } from '../redis.ts';
import { countQueues, countWaiting, createSpecReader, readWorkers, servedBy } from './cluster.ts';
import { createQueues } from './queues.ts';
import { createReader } from './reader.ts';

export interface RedisBrokerOptions {
  /** For commands; made by connectFailingFast, so that an outage is told at once. */
  readonly redis: Redis;
  /** For pub/sub only. */
  readonly subscriber: Redis;
  /** First part of every key. */
  readonly prefix: string;
  /** Epoch milliseconds. Default: Date.now */
  readonly now?: () => number;
}

/** Adds in one pipeline; more would keep Redis and the event loop from everybody else too long. */
const ADDS_AT_ONCE = 1000;
/** A claim outlives its holder's death so long; no send takes near as long. */
const CLAIM_MS = 10_000;

export function createRedisBroker({
  redis,
  subscriber,
  prefix,
  now = Date.now,
}: RedisBrokerOptions): Broker {
  const keys = createKeys(prefix);
  const bus = createBus(subscriber, keys);
  const announce = createAnnouncer(redis, keys);
  const queues = createQueues(redis, keys);
  const reader = createReader(redis, keys, now, (queue, id) => queues.of(queue).remove(id));

  const finished = async (id: string): Promise<AsyncResultBody> => {
    const [record] = await reader.read([id]);
    if (!record) throw new TaskNotFoundError(id);
    if (!record.result.ready) throw new WrongStateError(id, record.result.state, 'a final state');
    return record.result;
  };

  const specs = createSpecReader(redis, keys);

  return {
    async add(messages) {
      // A Redis that hangs would run later what waits in its socket: it must show that it lives first.
      await answered(redis, redis.ping());
      for (let i = 0; i < messages.length; i += ADDS_AT_ONCE) {
        await queues.add(messages.slice(i, i + ADDS_AT_ONCE));
      }
    },
    read: reader.read,
    async claim(ids) {
      const claims = ids.map((id) => redis.set(keys.claim(id), 1, 'PX', CLAIM_MS, 'NX'));
      const answers = await answered(redis, Promise.all(claims), ANSWER_WITHIN_MS + ids.length);
      return answers.map((answer) => answer === 'OK');
    },
    async release(ids) {
      if (ids.length > 0) await answered(redis, redis.del(...ids.map(keys.claim)));
    },
    async retry(id) {
      const { queue, state } = await finished(id);
      if (state === 'SUCCESS') throw new WrongStateError(id, state, 'FAILURE or REVOKED');
      await answered(redis, queues.retry(queue, id));
      announce(id);
      const [record] = await reader.read([id]);
      if (!record) throw new TaskNotFoundError(id);
      return record.result;
    },
    async forget(id) {
      const { queue } = await finished(id);
      const removed = await answered(redis, queues.of(queue).remove(id));
      // Somebody was faster: gone already, or retried and running.
      if (removed === 0) await finished(id);
    },
    async queues() {
      const [names, workers] = await Promise.all([
        reader.queueNames(),
        readWorkers(redis, keys, now),
      ]);
      return answered(redis, countQueues(redis, keys, names, workers));
    },
    backlog: (queue) => answered(redis, countWaiting(redis, keys, queue)),
    workers: () => readWorkers(redis, keys, now),
    specs,
    async registry() {
      const [known, workers] = await Promise.all([specs(), readWorkers(redis, keys, now)]);
      return [...known.values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((spec) => ({ ...spec, workers: servedBy(workers, spec.name) }));
    },
    listen: bus.listen,
    onRegistryChange: bus.onRegistryChange,
    async checkWritable() {
      await answered(redis, redis.set(keys.probe, now(), 'PX', 60_000));
    },
    async close() {
      await queues.close();
      await Promise.all([disconnect(redis), disconnect(subscriber)]);
    },
  };
}
