/** What a caller was told has failed must not run later: a Redis that freezes under load, and wakes. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect } from 'chai';
import { BrokerUnavailableError } from '../../../shared/errors.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { testConfig, testRedis, testRedisUrl } from '../../support/redis.ts';
import { storedIn } from '../../support/stack.ts';

const FREEZES = 5;

const KINDS = [
  ['plain', {}],
  ['delayed', { body: { kwargs: {}, eta: Date.now() + 3_600_000 } }],
] as const;

/**
 * The Redis of all tests, as if it froze: what it is sent meanwhile it reads when it wakes, whether or not
 * the sender is still there. A signal would also stop it between a command and its answer, and then nobody
 * can know which way it went.
 */
async function freezable() {
  const { hostname, port } = new URL(testRedisUrl());
  const connections = new Set<Socket>();
  const held: (() => Promise<unknown>)[] = [];
  let isFrozen = false;
  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    for (const socket of [client, redis]) {
      connections.add(socket);
      socket.on('error', () => undefined);
    }
    redis.on('data', (reply) => client.write(reply));
    client.on('data', (commands) => {
      if (!isFrozen) return redis.write(commands);
      held.push(() => {
        redis.write(commands);
        return once(redis, 'data');
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    freeze() {
      isFrozen = true;
    },
    /** Until Redis has answered what it was sent meanwhile. */
    async wake() {
      isFrozen = false;
      await Promise.all(held.splice(0).map((read) => read()));
    },
  };
}

describe('a Redis that freezes under load', () => {
  for (const [kind, given] of KINDS) {
    it(`stores of ${kind} tasks those that were accepted, and no other`, async () => {
      const server = await freezable();
      const config = testConfig({ redisUrl: server.url });
      const { broker } = await startTestBroker(config);
      let sent = 0;
      let accepted = 0;
      const add = async () => {
        await broker.add([messageOf(`t${sent++}`, given)]);
        accepted++;
      };
      const addUntilRefused = async (): Promise<unknown> => {
        for (;;) {
          try {
            await add();
          } catch (error) {
            return error;
          }
        }
      };
      for (let i = 0; i < FREEZES; i++) {
        await eventually(() => add().then(() => true));
        const enough = accepted + 10;
        const refused = addUntilRefused();
        await eventually(() => accepted > enough);
        server.freeze();
        expect(await refused).to.be.instanceOf(BrokerUnavailableError);
        await server.wake();
      }
      expect(await storedIn(testRedis(), config)).to.equal(accepted);
    }).timeout(20_000);
  }
});
