/** The list of tasks by state, of those that a worker has left behind. */
import { expect } from 'chai';
import { messageOf, startTestBroker } from '../../support/broker.ts';
import { endStored, startStored } from '../../support/stored.ts';

const NOW = Date.now();
const STATES = ['PENDING', 'RETRY', 'STARTED', 'SUCCESS', 'FAILURE', 'REVOKED'];
const STALLED = 'job stalled more than allowable limit';
const ONCE = { defa: 'WorkerLostError: The worker "w1" was lost', deferred: '1,1000,' };

type Test = Awaited<ReturnType<typeof startTestBroker>>;

const mark = ({ redis, keys }: Test, id: string, fields: object) =>
  redis.hset(keys.job('default', id), fields);

/** It is active, but nobody holds it. */
async function lose(test: Test, id: string, fields: object = { ats: 1 }): Promise<void> {
  await startStored(test, id, NOW);
  await test.redis.del(`${test.keys.job('default', id)}:lock`);
  await mark(test, id, fields);
}

async function idsOf({ broker }: Test, state: string): Promise<string[]> {
  const { tasks } = await broker.list({ states: [state], limit: 50 });
  return tasks.map(({ task_id: id }) => id);
}

const LOST: readonly [what: string, state: string, put: (test: Test) => Promise<unknown>][] = [
  ['back in its queue for the last time', 'PENDING', (test) => mark(test, 'a', { defa: STALLED })],
  ['still active', 'PENDING', (test) => lose(test, 'a')],
  ['still active in a later attempt', 'RETRY', (test) => lose(test, 'a', { atm: 1 })],
  ['still active, and may run once only', 'PENDING', (test) => lose(test, 'a', ONCE)],
  [
    'still active, and revoked since',
    'REVOKED',
    (test) => lose(test, 'a').then(() => test.broker.revoke('a', false)),
  ],
];

describe('the list of tasks', () => {
  for (const [what, state, put] of LOST) {
    it(`has a task of a lost worker that is ${what} among those ${state} only`, async () => {
      const test = await startTestBroker();
      await test.broker.add([messageOf('a'), messageOf('runs')]);
      await startStored(test, 'runs', NOW);
      await put(test);
      expect((await test.broker.read(['a']))[0]?.result.state).to.equal(state);
      for (const each of STATES) {
        const others = each === 'STARTED' ? ['runs'] : [];
        expect(await idsOf(test, each), each).to.deep.equal(each === state ? ['a'] : others);
      }
    });
  }

  it('does not look through all that waits for those that have failed', async () => {
    const test = await startTestBroker();
    await test.broker.add([messageOf('bad')]);
    await endStored(test, 'bad', { at: NOW - 60_000, traceback: 'E: no' });
    const waiting = Array.from({ length: 3000 }, (_, i) => messageOf(`t${i}`));
    await test.broker.add(waiting);
    expect(await idsOf(test, 'FAILURE')).to.deep.equal(['bad']);
  });
});
