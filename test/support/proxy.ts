/** The Redis of all tests behind a line that can be disturbed at an exact moment, as no signal can. */
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
  /** Commands are done, and their answers lost. */
  loseAnswers(): void;
  /** Closes all connections; new ones work. */
  cut(): void;
}

export async function redisProxy(): Promise<RedisProxy> {
  const { hostname, port } = new URL(testRedisUrl());
  const sockets = new Set<Socket>();
  const held: (() => Promise<unknown>)[] = [];
  let isFrozen = false;
  let losesAnswers = false;
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    redis.on('data', (answer) => losesAnswers || client.write(answer));
    client.on('data', (commands) => {
      if (!isFrozen) return redis.write(commands);
      held.push(() => {
        redis.write(commands);
        return once(redis, 'data');
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    losesAnswers = false;
  };
  defer(() => {
    cut();
    server.close();
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
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
  };
}
