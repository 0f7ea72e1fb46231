/** The broker on Redis: BullMQ queues, read by our own script, watched over pub/sub. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Broker } from '../broker.ts';
import { createAnnouncer, createBus } from '../bus.ts';
import { sentEvent } from '../clusterEvents.ts';
import { SETTINGS } from '../config.ts';
import { createAsker } from '../control.ts';
import { KajeError, TaskNotFoundError, WrongStateError } from '../errors.ts';
import { createKeys } from '../keys.ts';
import { answered, disconnect } from '../redis.ts';
import type { AsyncResultBody } from '../schemas.ts';
import { addChild, removeEnded } from '../scripts.ts';
import { createClaims } from './claims.ts';
import { createRedisClock, type RedisClock } from './clock.ts';
import { countQueues, createSpecReader, readWorkers, servedBy } from './cluster.ts';
import { createEvents } from './clusterEvents.ts';
import { createHistory } from './history.ts';
import { createLimiter } from './limiter.ts';
import { createLister } from './lister.ts';
import { createMemoryGuard } from './memory.ts';
import { createPurge } from './purge.ts';
import { createQueues } from './queues.ts';
import { createReader } from './reader.ts';
import { createRevoker } from './revoker.ts';

export interface RedisBrokerOptions {
  /** For commands; made by connectFailingFast, so that an outage is told at once. */
  readonly redis: Redis;
  /** For pub/sub only. */
  readonly subscriber: Redis;
  /** First part of every key. */
  readonly prefix: string;
  /** Percent of Redis' maxmemory above which no tasks are stored (KAJE_REDIS_MEMORY_LIMIT). Default: 80 */
  readonly memoryLimit?: number;
  /** What the clock of this machine shows, epoch milliseconds. Default: Date.now */
  readonly now?: () => number;
}

/** A worker that takes out what was revoked in its queue holds it for some milliseconds. */
const FILING_MS = 10;
const FILING_TRIES = 100;

export function createRedisBroker({
  redis,
  subscriber,
  prefix,
  memoryLimit = SETTINGS.redisMemoryLimit.default,
  now = Date.now,
}: RedisBrokerOptions): Broker {
  const keys = createKeys(prefix, redis.options.db);
  const bus = createBus(subscriber, keys);
  const announce = createAnnouncer(redis, keys);
  const told = createRedisClock(redis, { local: now });
  const clock: RedisClock = {
    ...told,
    read() {
      const moment = told.read();
      // A timer for each task that is sent costs 1 µs.
      return moment instanceof Promise ? answered(redis, moment) : moment;
    },
  };
  const memory = createMemoryGuard({ redis, percent: memoryLimit });
  const queues = createQueues({ redis, keys, clock, memory });
  const workers = () => readWorkers(redis, keys);
  const asker = createAsker({ redis, subscriber, bus, keys, workers });
  const reader = createReader(redis, keys, (ids) => revoker.expire(ids));
  const revoker = createRevoker({
    redis,
    keys,
    queueNames: reader.queueNames,
    read: async (id) => (await reader.read([id]))[0]?.result,
    // Should it get lost, a worker finds out by itself: of what was ended, the lock is gone.
    stop: (ids, terminate) => void asker.tell('revoke', { ids, terminate }).catch(() => undefined),
    announce,
    tell: (ids) => void events.revoked(ids),
  });
  const limiter = createLimiter(redis, keys);

  const finished = async (id: string): Promise<AsyncResultBody> => {
    const [record] = await reader.read([id]);
    if (!record) throw new TaskNotFoundError(id);
    if (!record.result.ready) throw new WrongStateError(id, record.result.state, 'a final state');
    return record.result;
  };

  /** Does something with a task that has ended; again while a worker holds it to file it. */
  const untilFiled = async (
    id: string,
    act: (task: AsyncResultBody) => Promise<boolean>,
  ): Promise<void> => {
    for (let attempt = 1; !(await act(await finished(id))); attempt++) {
      if (attempt === FILING_TRIES) {
        throw new WrongStateError(id, 'being filed by a worker', 'another try in a moment');
      }
      await sleep(FILING_MS);
    }
  };

  const specs = createSpecReader(redis, keys);
  const events = createEvents({ redis, bus, keys, workers, read: reader.read, now: clock.now });

  return {
    clock,
    async add(messages, queueMaxLength) {
      events.look();
      const full = await queues.add(messages, queueMaxLength);
      if (!full) events.tell(() => messages.map(sentEvent));
      return full;
    },
    read: reader.read,
    ...createClaims(redis, keys),
    async retry(id) {
      await untilFiled(id, ({ queue, state }) => {
        if (state === 'SUCCESS') throw new WrongStateError(id, state, 'FAILURE or REVOKED');
        return answered(redis, queues.retry(queue, id));
      });
      announce(id);
      const [record] = await reader.read([id]);
      if (!record) throw new TaskNotFoundError(id);
      return record.result;
    },
    async forget(id) {
      // Not removed: somebody was faster, and it is gone or runs again; or a worker files it.
      await untilFiled(id, ({ queue }) =>
        answered(redis, removeEnded(redis, keys.queueBase(queue), id)),
      );
    },
    revoke: revoker.revoke,
    revokeMany: revoker.revokeMany,
    list: createLister({ redis, keys, ...reader, clock }),
    ...createHistory({ redis, keys, read: reader.read }),
    async setLimits(task, limits) {
      const spec = (await specs()).get(task);
      if (!spec) throw new KajeError('NOT_FOUND', `No worker has published a task "${task}"`);
      const set = await limiter.setLimits(spec, limits);
      // Should it get lost, workers look for themselves now and then.
      await asker.tell('limits', { task }).catch(() => undefined);
      return set;
    },
    async addChild({ queue, id }, child) {
      await answered(redis, addChild(redis, keys.job(queue, id), child));
    },
    async queues() {
      const [names, workers] = await Promise.all([reader.queueNames(), readWorkers(redis, keys)]);
      return answered(redis, countQueues(redis, keys, names, workers));
    },
    workers,
    ask: asker.ask,
    pause: queues.pause,
    purge: createPurge(redis, keys, announce),
    specs,
    async registry() {
      const [known, workers] = await Promise.all([specs(), readWorkers(redis, keys)]);
      return [...known.values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((spec) => ({ ...spec, workers: servedBy(workers, spec.name) }));
    },
    listen: bus.listen,
    hears: bus.hears,
    listenToEvents: events.listen,
    onRegistryChange: bus.onRegistryChange,
    async checkWritable() {
      await answered(redis, redis.set(keys.probe, now(), 'PX', 60_000));
      return memory.shortage();
    },
    async close() {
      await queues.close();
      await Promise.all([disconnect(redis), disconnect(subscriber)]);
    },
  };
}
