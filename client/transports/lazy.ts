/** A transport whose code is loaded when it is needed: bullmq and ioredis take 0.3 s, and HTTP needs neither. */
import type { Transport } from './transport.ts';

/** The transport that `load` brings, as if it were there already: each call waits for it. */
export function lazyTransport(load: () => Promise<Transport>): Transport {
  const loaded = load();
  // Whoever calls hears of it; nobody has to.
  loaded.catch(() => undefined);
  const ask = async <T>(question: (transport: Transport) => Promise<T>): Promise<T> =>
    question(await loaded);

  return {
    sendTask: (request) => ask((transport) => transport.sendTask(request)),
    sendTasks: (requests) => ask((transport) => transport.sendTasks(requests)),
    read: (id, waitMs, signal) => ask((transport) => transport.read(id, waitMs, signal)),
    forget: (id) => ask((transport) => transport.forget(id)),
    revoke: (id, terminate) => ask((transport) => transport.revoke(id, terminate)),
    revokeMany: (selection) => ask((transport) => transport.revokeMany(selection)),
    retry: (id) => ask((transport) => transport.retry(id)),
    setLimits: (task, limits) => ask((transport) => transport.setLimits(task, limits)),
    list: (query) => ask((transport) => transport.list(query)),
    logs: (id, after) => ask((transport) => transport.logs(id, after)),
    attempts: (id) => ask((transport) => transport.attempts(id)),
    async *events(id, signal) {
      yield* (await loaded).events(id, signal);
    },
    async *clusterEvents(types, signal) {
      yield* (await loaded).clusterEvents(types, signal);
    },
    registry: () => ask((transport) => transport.registry()),
    queues: () => ask((transport) => transport.queues()),
    workers: () => ask((transport) => transport.workers()),
    inspect: (command, options) => ask((transport) => transport.inspect(command, options)),
    control: (worker, command, args) =>
      ask((transport) => transport.control(worker, command, args)),
    pauseQueue: (name, isPaused) => ask((transport) => transport.pauseQueue(name, isPaused)),
    purgeQueue: (name) => ask((transport) => transport.purgeQueue(name)),
    close: () => ask((transport) => transport.close()),
  };
}
