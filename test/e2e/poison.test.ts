/** Tasks that end their workers: what they cost, and what becomes of those beside them. */
import { expect } from 'chai';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { countStates, endOf, sendAll, times } from '../support/batches.ts';
import { testRedis } from '../support/redis.ts';
import { keepWorker } from '../support/restarts.ts';
import { fixture } from '../support/worker.ts';

const ARGS = ['--tasks', fixture('poison'), '--log-level', 'info', '--health-port', '0'];

const good = (ms: number, name = 'poison', more: object = {}) => ({
  name,
  kwargs: { ms },
  ...more,
});
const pill = (how: string, name = 'poison', more: object = {}) => ({
  name,
  kwargs: { ms: 500, how },
  ...more,
});

/** How often each task was begun, by its id. */
async function runsOf(api: TestApi, kind: 'pill' | 'good'): Promise<Map<string, number>> {
  const redis = testRedis(api.config.redisUrl);
  const counts = new Map<string, number>();
  for (const id of await redis.lrange(`${api.config.prefix}.runs:${kind}`, 0, -1))
    counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function expectLost({ state, error, retries }: AsyncResultBody, says: RegExp): void {
  expect({ state, type: error?.type, retries }).to.deep.equal({
    state: 'FAILURE',
    type: 'WorkerLostError',
    retries: 0,
  });
  expect(error?.message).to.match(says);
}

describe('19 tasks beside one that ends their worker, which is started again each time', () => {
  const WAYS: Readonly<Record<string, RegExp>> = {
    exit: /3 times; .*exit code 1/,
    abort: /3 times; .*(SIGABRT|abort)/,
    kill: /3 times; .*SIGKILL/,
    timer: /3 times; .*in a timer/,
    memory: /3 times; .*(memory|SIGABRT|SIGTRAP)/,
  };
  for (const [how, says] of Object.entries(WAYS)) {
    it(`end SUCCESS; the other costs three runs and one worker, by ${how}`, async () => {
      const api = await startTestApi();
      const env = how === 'memory' ? { NODE_OPTIONS: '--max-old-space-size=100' } : {};
      const worker = await keepWorker(api.config, [...ARGS, '--concurrency', '20'], env);
      const ids = await sendAll(api, [...times(19, () => good(2000)), pill(how)]);
      const records = await endOf(api, ids, 240_000);
      expect(countStates(records.slice(0, 19))).to.deep.equal({ SUCCESS: 19 });
      expectLost(records[19] as AsyncResultBody, says);
      expect([...(await runsOf(api, 'pill')).values()]).to.deep.equal([3]);
      expect(worker.ends).to.have.length(1);
    }).timeout(280_000);
  }
});
