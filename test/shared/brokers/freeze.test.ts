/** What a caller was told has failed must not run later: a Redis that freezes under load, and wakes. */
import { expect } from 'chai';
import { BrokerUnavailableError } from '../../../shared/errors.ts';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { eventually } from '../../support/eventually.ts';
import { redisProxy } from '../../support/proxy.ts';
import { testConfig, testRedis } from '../../support/redis.ts';
import { storedIn } from '../../support/stack.ts';

const FREEZES = 5;

const KINDS = [
  ['plain', {}],
  ['delayed', { body: { kwargs: {}, eta: Date.now() + 3_600_000 } }],
] as const;

describe('a Redis that freezes under load', () => {
  for (const [kind, given] of KINDS) {
    it(`stores of ${kind} tasks those that were accepted, and no other`, async () => {
      const server = await redisProxy();
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
    });
  }
});
