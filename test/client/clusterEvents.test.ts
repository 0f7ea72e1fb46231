import { expect } from 'chai';
import {
  BrokerUnavailableError,
  type ClusterEvent,
  type EventsOptions,
  InvalidRequestError,
  Kaje,
} from '../../client/index.ts';
import { createKeys } from '../../shared/keys.ts';
import { startTestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testConfig, testRedis } from '../support/redis.ts';
import { closedPort, errorOf, overBothTransports, type Setup } from './connect.ts';

/** Collects events beside the test; `left` resolves when the loop has ended. */
async function follow({ kaje, config }: Pick<Setup, 'kaje' | 'config'>, options?: EventsOptions) {
  const seen: ClusterEvent[] = [];
  const abort = new AbortController();
  defer(() => abort.abort());
  const left = (async () => {
    for await (const event of kaje.events({ ...options, signal: abort.signal })) seen.push(event);
  })();
  await Promise.race([left, eventually(async () => (await followersOf({ config })) === 1)]);
  return { seen, left, abort };
}

async function followersOf({ config }: Pick<Setup, 'config'>): Promise<number> {
  const { events } = createKeys(config.prefix);
  return Number((await testRedis().pubsub('NUMSUB', events))[1]);
}

describe('kaje.events()', () => {
  overBothTransports((connect) => {
    it('tells what happens to tasks until the signal is aborted, and leaves nothing behind', async () => {
      const setup = await connect();
      const { seen, left, abort } = await follow(setup);
      const told = () => new Set(seen.map(({ type }) => type));
      await eventually(async () => {
        await (await setup.kaje.sendTask('add', { a: 1, b: 2 })).get({ timeout: 10 });
        return told().has('task-succeeded');
      });
      const { id } = await setup.kaje.sendTask('refuse', { message: 'no' });
      const failure = await eventually(() => seen.find((event) => event.type === 'task-failed'));
      const error = { type: 'PaymentRefused', message: 'no' };
      expect(failure).to.deep.include({ task_id: id, name: 'refuse', queue: 'default', error });
      expect(told()).to.include('task-sent').and.to.include('task-started');
      abort.abort();
      await left;
      await eventually(async () => (await followersOf(setup)) === 0);
    });

    it('tells only the types asked for', async () => {
      const setup = await connect();
      const { seen } = await follow(setup, { types: ['task-sent'] });
      await (await setup.kaje.sendTask('add', { a: 1, b: 2 })).get({ timeout: 10 });
      await setup.kaje.sendTask('add', { a: 3, b: 4 });
      await eventually(() => seen.length === 2);
      expect(new Set(seen.map(({ type }) => type))).to.deep.equal(new Set(['task-sent']));
    });

    it('leaves nothing behind when the loop is left', async () => {
      const setup = await connect();
      const listens = eventually(async () => (await followersOf(setup)) === 1);
      listens.then(() => setup.kaje.sendTask('add', { a: 1, b: 2 }));
      for await (const { type } of setup.kaje.events({ types: ['task-sent'] })) {
        expect(type).to.equal('task-sent');
        expect(await followersOf(setup)).to.equal(1);
        break;
      }
      await eventually(async () => (await followersOf(setup)) === 0);
    });

    it('listens no more once it is told to stop, also while the loop is busy elsewhere', async () => {
      const setup = await connect();
      const listens = eventually(async () => (await followersOf(setup)) === 1);
      listens.then(() => setup.kaje.sendTask('add', { a: 1, b: 2 }));
      const abort = new AbortController();
      let loops = 0;
      for await (const _ of setup.kaje.events({ types: ['task-sent'], signal: abort.signal })) {
        loops++;
        abort.abort();
        await eventually(async () => (await followersOf(setup)) === 0);
      }
      expect(loops).to.equal(1);
    });

    it('says at once that a type does not exist', async () => {
      const { kaje } = await connect();
      // What JavaScript callers may ask for.
      const types = ['task-succeded'] as unknown as ['task-succeeded'];
      expect(() => kaje.events({ types })).to.throw(InvalidRequestError, /"task-succeeded"\?/);
    });

    it('ends at once with a signal that is aborted already', async () => {
      const { kaje } = await connect();
      const signal = AbortSignal.abort();
      for await (const event of kaje.events({ signal })) expect.fail(`told ${event.type}`);
    });
  });

  it('ends with its client over Redis, also while the loop is busy elsewhere', async () => {
    const config = testConfig();
    const kaje = new Kaje({ redis: config.redisUrl, prefix: config.prefix });
    const events = kaje.events();
    const first = events.next();
    await eventually(async () => (await followersOf({ config })) === 1);
    await testRedis().publish(
      createKeys(config.prefix).events,
      JSON.stringify([{ type: 'worker-online', timestamp: '', worker: 'w1' }]),
    );
    expect((await first).value).to.include({ worker: 'w1' });
    await kaje.close();
    expect((await events.next()).done).to.equal(true);
  });

  it('goes on by itself over HTTP when the API is started anew', async () => {
    const api = await startTestApi();
    const { config } = api;
    const kaje = new Kaje({ url: api.url });
    const { seen } = await follow({ kaje, config });
    await api.stop();
    await eventually(async () => (await followersOf({ config })) === 0);
    await startTestApi({ ...config, port: Number(new URL(api.url).port) });
    await eventually(async () => (await followersOf({ config })) === 1);
    const event = { type: 'worker-online', timestamp: '', worker: 'w1' };
    await testRedis().publish(createKeys(config.prefix).events, JSON.stringify([event]));
    await eventually(() => seen.length === 1);
    expect(seen).to.deep.equal([event]);
  });

  for (const over of ['url', 'redis'] as const) {
    it(`says that there is nothing to listen to at the start, by ${over}`, async () => {
      const at = `127.0.0.1:${await closedPort()}`;
      const options = over === 'url' ? { url: `http://${at}` } : { redis: `redis://${at}` };
      const kaje = new Kaje(options);
      defer(() => kaje.close());
      expect(await errorOf(kaje.events().next())).to.be.instanceOf(BrokerUnavailableError);
    });
  }
});
