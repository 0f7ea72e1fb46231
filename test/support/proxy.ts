/** A Redis behind a line that can be disturbed at an exact moment, as no signal can. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { defer } from './defer.ts';
import { testRedisUrl } from './redis.ts';

export interface RedisProxy {
  readonly url: string;
  /**
   * As if Redis froze: what it is sent it reads when it wakes, whether or not the sender is still there. A
   * signal would also stop it between a command and its answer, and nobody could know which way that went.
   */
  freeze(): void;
  /** Whether something was sent since the freeze. */
  holds(): boolean;
  /** Resolves when Redis has answered what it was sent meanwhile. */
  wake(): Promise<void>;
  /** Commands are done, and their answers lost, until the next cut. */
  loseAnswers(): void;
  /** Closes all connections; new ones work. */
  cut(): void;
  /** Nothing passes on the connections there are, and nobody is told; new ones work. */
  halfOpen(): void;
  /** Closes all connections for good, and refuses new ones. */
  close(): void;
  /** New connections lead to another Redis, as after a failover; those that are there stay. */
  leadTo(target: string): void;
  /** From now on each way takes so many milliseconds, and so many bytes pass in a second. */
  slow(latencyMs: number, bytesPerS?: number): void;
}

/** @param target URL of the Redis. Default: that of all tests */
export async function redisProxy(target = testRedisUrl()): Promise<RedisProxy> {
  let { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  /** Connections of Redis on which it has something to read. */
  const unread = new Set<Socket>();
  const held: (() => Promise<unknown>)[] = [];
  const line = { latencyMs: 0, bytesPerS: Number.POSITIVE_INFINITY };
  let isFrozen = false;
  let losesAnswers = false;
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    const [up, down] = [wayTo(redis, line), wayTo(client, line)];
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        // A frozen Redis does not notice that the sender goes, and reads first when it wakes.
        if (!silent.has(socket) && !unread.has(other)) other.destroy();
      });
    }
    redis.on('data', (answer) => losesAnswers || silent.has(redis) || down(answer));
    client.on('data', (commands) => {
      if (silent.has(client)) return;
      if (!isFrozen) return up(commands);
      unread.add(redis);
      held.push(async () => {
        redis.write(commands);
        await once(redis, 'data');
        unread.delete(redis);
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    losesAnswers = false;
  };
  const close = () => {
    server.close();
    cut();
  };
  defer(close);
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    leadTo(other) {
      ({ hostname, port } = new URL(other));
    },
    close,
    freeze() {
      isFrozen = true;
    },
    holds: () => held.length > 0,
    async wake() {
      isFrozen = false;
      await Promise.all(held.splice(0).map((read) => read()));
    },
    loseAnswers() {
      losesAnswers = true;
    },
    halfOpen() {
      for (const socket of sockets) silent.add(socket);
    },
    slow(latencyMs, bytesPerS = Number.POSITIVE_INFINITY) {
      Object.assign(line, { latencyMs, bytesPerS });
    },
  };
}

/** Writes in order, each chunk as late as the line makes it. */
function wayTo(socket: Socket, line: { readonly latencyMs: number; readonly bytesPerS: number }) {
  let freeAt = 0;
  const onItsWay: Buffer[] = [];
  return (chunk: Buffer): void => {
    const now = performance.now();
    const sentAt = Math.max(now, freeAt) + (chunk.length / line.bytesPerS) * 1000;
    freeAt = sentAt;
    const waitMs = sentAt + line.latencyMs - now;
    if (waitMs <= 0 && onItsWay.length === 0) return void socket.write(chunk);
    onItsWay.push(chunk);
    // The first of them, not this one: timers of a busy process may come in another order.
    setTimeout(() => socket.write(onItsWay.shift() ?? ''), waitMs);
  };
}
