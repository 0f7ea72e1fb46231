/** Tasks that end their workers, and others beside them. */
import { expect } from 'chai';
import type { AsyncResultBody } from '../../shared/schemas.ts';
import { startTestApi, type TestApi } from './api.ts';
import { countStates, endOf, sendAll, times } from './batches.ts';
import { testRedis } from './redis.ts';
import { keepWorker } from './restarts.ts';
import { fixture } from './worker.ts';

/** Of a worker that has such tasks. */
export const ARGS = ['--tasks', fixture('poison'), '--log-level', 'info'];

export const good = (ms: number, name = 'poison', more: object = {}) => ({
  name,
  kwargs: { ms },
  ...more,
});
export const pill = (how: string, name = 'poison', more: object = {}) => ({
  name,
  kwargs: { ms: 500, how },
  ...more,
});

/** How often each task was begun, by its id. */
export async function runsOf(api: TestApi, kind: 'pill' | 'good'): Promise<Map<string, number>> {
  const redis = testRedis(api.config.redisUrl);
  const counts = new Map<string, number>();
  for (const id of await redis.lrange(`${api.config.prefix}.runs:${kind}`, 0, -1))
    counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

export function expectLost({ state, error, retries }: AsyncResultBody, says: RegExp): void {
  expect({ state, type: error?.type, retries }).to.deep.equal({
    state: 'FAILURE',
    type: 'WorkerLostError',
    retries: 0,
  });
  expect(error?.message).to.match(says);
}

/** Nineteen good tasks and a pill, on one worker of 20 slots that is started again each time. */
export async function expectOneLost(how: string, says: RegExp): Promise<void> {
  const api = await startTestApi();
  const env = how === 'memory' ? { NODE_OPTIONS: '--max-old-space-size=100' } : {};
  const worker = await keepWorker(api.config, [...ARGS, '--concurrency', '20'], env);
  const ids = await sendAll(api, [...times(19, () => good(2000)), pill(how)]);
  const records = await endOf(api, ids, 240_000);
  expect(countStates(records.slice(0, 19))).to.deep.equal({ SUCCESS: 19 });
  for (const lost of records.slice(19)) expectLost(lost, says);
  expect([...(await runsOf(api, 'pill')).values()]).to.deep.equal([3]);
  expect(worker.ends).to.have.length(1);
}
