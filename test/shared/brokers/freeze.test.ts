/** What a caller was told has failed must not run later: Redis freezes under load, and wakes. */
import { expect } from 'chai';
import { BrokerUnavailableError } from '../../../shared/errors.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { testConfig, testRedis } from '../../support/redis.ts';
import { ownRedis } from '../../support/server.ts';
import { storedIn } from '../../support/stack.ts';

const FREEZES = 6;
const DELAYED = { body: { kwargs: {}, eta: Date.now() + 3_600_000 } };

describe('a Redis that freezes under load', () => {
  for (const [kind, given] of [
    ['plain', {}],
    ['delayed', DELAYED],
  ] as const) {
    it(`stores of ${kind} tasks those that were accepted, and no other`, async () => {
      const server = await ownRedis();
      const config = testConfig({ redisUrl: server.url });
      const { broker } = await startTestBroker(config);
      const redis = testRedis(server.url);
      let next = 0;
      const accepted: string[] = [];
      /** Adds one after the other until one is refused. */
      const addMany = async (): Promise<void> => {
        for (;;) {
          const id = `t${next++}`;
          await broker.add([messageOf(id, given)]);
          accepted.push(id);
        }
      };
      const worksAgain = () =>
        eventually(async () => {
          const id = `t${next++}`;
          const isAdded = await broker.add([messageOf(id, given)]).then(
            () => true,
            () => false,
          );
          if (isAdded) accepted.push(id);
          return isAdded;
        });
      await worksAgain();
      for (let i = 0; i < FREEZES; i++) {
        const before = accepted.length;
        const refused = addMany().catch((error: unknown) => error);
        await eventually(() => accepted.length > before + 20);
        process.kill(server.pid(), 'SIGSTOP');
        const error = await refused;
        process.kill(server.pid(), 'SIGCONT');
        expect(error).to.be.instanceOf(BrokerUnavailableError);
        await worksAgain();
      }
      expect(await storedIn(redis, config)).to.equal(accepted.length);
    }).timeout(20_000);
  }
});
