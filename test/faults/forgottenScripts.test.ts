/** Redis forgets scripts: at a SCRIPT FLUSH, and from 7.4 on those that were not used for long. */
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { defer } from '../support/defer.ts';
import { gate, ids, startLife } from '../support/life.ts';
import { testRedis } from '../support/redis.ts';
import { ownRedis } from '../support/server.ts';
import { startApiAlone } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

const noop = defineTask('noop', { run: () => 1 });
const once = defineTask('once', { unique: {}, run: () => 1 });
const later = new Date(Date.now() + 3_600_000).toISOString();

type Request = Readonly<Record<string, unknown>>;

const KINDS: readonly [kind: string, request: (n: number) => Request][] = [
  ['plain', () => ({ name: 'noop' })],
  ['urgent', () => ({ name: 'noop', priority: 8 })],
  ['to come later', () => ({ name: 'noop', countdown: 3600 })],
  ['to come at a time', () => ({ name: 'noop', eta: later })],
  ['unique', (n) => ({ name: 'once', kwargs: { n } })],
  ['under an id of its own', (n) => ({ name: 'noop', task_id: `id-${n}` })],
  ['for another queue', () => ({ name: 'noop', queue: 'mail' })],
];

async function startForgetful() {
  const server = await ownRedis();
  const { api } = await startApiAlone([noop, once], { redisUrl: server.url });
  const redis = testRedis(server.url);
  const stored = async () => {
    const { queues } = (await api.get('/v1/queues')).body;
    let count = 0;
    for (const { waiting, delayed } of queues) count += waiting + delayed;
    return count;
  };
  return { api, stored, forget: () => redis.script('FLUSH') };
}

describe('a Redis that forgets its scripts', () => {
  for (const [kind, request] of KINDS) {
    it(`takes a task that is ${kind}, before and after`, async () => {
      const { api, stored, forget } = await startForgetful();
      for (let n = 0; n < 3; n++) {
        const answer = await api.post('/v1/send_task', request(n));
        expect(answer.status, answer.text).to.equal(202);
        await forget();
      }
      expect(await stored()).to.equal(3);
    });
  }

  it('takes a batch of all kinds whole, whatever of it was sent before', async () => {
    const { api, stored, forget } = await startForgetful();
    for (const [n, [, request]] of KINDS.entries()) {
      await api.post('/v1/send_task', request(n));
      await forget();
      const before = await stored();
      const tasks = KINDS.map(([, each], i) => each(100 * (n + 1) + i));
      const answer = await api.post('/v1/send_tasks', { tasks });
      expect(answer.status, answer.text).to.equal(202);
      expect(await stored()).to.equal(before + KINDS.length);
    }
  });

  for (const batching of ['on', 'off'] as const) {
    it(`carries tasks through their lives while it forgets all the time, with batching ${batching}`, async () => {
      const server = await ownRedis();
      forgetAllTheTime(server.url);
      const life = await startLife({ redisUrl: server.url, batching });
      const { broker, send, becomes, end } = life;
      const { open, opened } = gate();
      const tasks = [
        noop,
        defineTask('flaky', {
          retry: { max: 1, delay: 0.01 },
          run(_: object, { retries, log }: TaskContext) {
            log.info('tries');
            if (retries === 0) throw new Error('at first');
          },
        }),
        defineTask('bad', {
          run() {
            throw new Error('no');
          },
        }),
        defineTask('paced', { rateLimit: '100/s', run: () => 1 }),
        defineTask('single', { maxConcurrency: 1, run: () => 1 }),
        defineTask('held', {
          run: () => opened,
        }),
      ];
      await startTestWorker(life.config, tasks, [{ name: 'default', concurrency: 5 }]);
      const names = ['noop', 'flaky', 'paced', 'single'];
      for (const name of names) await send(name, ids(20, name));
      await send('noop', ids(5, 'urgent'), { priority: 9 });
      await send('noop', ids(5, 'later'), { eta: Date.now() + 50 });
      await send('bad', ['bad']);
      for (const name of [...names, 'urgent', 'later']) {
        for (const id of ids(name.length === 5 ? 5 : 20, name).filter((_, i) => i < 5)) {
          expect((await end(id, 20_000)).state, id).to.equal('SUCCESS');
        }
      }
      expect((await broker.logs('flaky00000', 0)).logs).to.have.length(2);
      expect((await end('bad')).state).to.equal('FAILURE');
      expect((await broker.retry('bad')).state).not.to.equal('SUCCESS');
      expect((await end('bad')).state).to.equal('FAILURE');
      await broker.forget('bad');
      expect(await broker.read(['bad'])).to.deep.equal([null]);
      await send('held', ['held']);
      await becomes('held', 'STARTED');
      expect((await broker.revoke('held', true)).state).to.equal('REVOKED');
      open();
      await broker.pause('default', true);
      await send('noop', ids(3, 'purged'));
      expect((await broker.revoke('purged00000', false)).state).to.equal('REVOKED');
      expect(await broker.purge('default')).to.equal(2);
      await broker.pause('default', false);
      await broker.setLimits('paced', { rate_limit: '200/s' });
      await send('paced', ['last']);
      await end('last');
    });
  }
});

function forgetAllTheTime(url: string): void {
  const redis = testRedis(url);
  let isOver = false;
  const forget = async () => {
    while (!isOver) await redis.script('FLUSH').catch(() => undefined);
  };
  const forgetting = forget();
  defer(() => {
    isOver = true;
    return forgetting;
  });
}
