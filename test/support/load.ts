/** A cluster of processes under load: what it accepted and refused is known, and held to its promises at the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Config } from '../../shared/config.ts';
import { closedPort } from '../client/connect.ts';
import { clientOf, type TestApi } from './api.ts';
import { recordsOf } from './batches.ts';
import { eventually } from './eventually.ts';
import { testConfig, testRedis } from './redis.ts';
import type { OwnRedis } from './server.ts';
import { type Process, runKaje, runWorkerProcess } from './worker.ts';

const BATCH = 10;
const QUIET = ['--log-level', 'warn'];
const TASKS = fileURLToPath(new URL('../../dist-test/test/fixtures/noted.js', import.meta.url));
/** A lost worker's tasks come back within 20 s; three times as long on a busy machine. */
const SETTLE_MS = 60_000;
/** Half a second on an idle machine. */
const START_MS = 90_000;

export interface ApiProcess {
  readonly client: TestApi;
  process(): Process;
  /** SIGKILL, and another one on the same port. */
  replace(): Promise<void>;
}

export interface Load {
  readonly accepted: readonly string[];
  /** Answered with 503: never stored, unless the line broke at the very moment. */
  readonly refused: readonly string[];
  /** No answer at all: the API died. */
  readonly unanswered: readonly string[];
  /** Resolves once so many more were accepted. */
  grow(by: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param url of the line to it. Default: its own */
export const configFor = (redis: OwnRedis, url = redis.url): Config =>
  testConfig({ redisUrl: url, prefix: `faults-${redis.port}` });

export async function startApiProcess(config: Config): Promise<ApiProcess> {
  const port = await closedPort();
  const url = `http://127.0.0.1:${port}`;
  const client = clientOf(url, config, async () => undefined);
  const env = { KAJE_REDIS_URL: config.redisUrl, KAJE_PREFIX: config.prefix };
  const start = async (): Promise<Process> => {
    const api = runKaje(['api', '--port', `${port}`, ...QUIET], env);
    const isReady = () => client.get('/health/ready').then(({ status }) => status === 200);
    await eventually(isReady, START_MS);
    return api;
  };
  let running = await start();
  return {
    client,
    process: () => running,
    async replace() {
      running.child.kill('SIGKILL');
      await running.ended;
      running = await start();
    },
  };
}

export const startWorkers = (configs: readonly Config[]) =>
  Promise.all(configs.map((config) => runWorkerProcess(config, [...QUIET, '--tasks', TASKS])));

/** Sends batches of tasks under names of their own, one after another, each task of some milliseconds. */
export function startLoad(api: TestApi, ms = 5): Load {
  const [accepted, refused, unanswered]: [string[], string[], string[]] = [[], [], []];
  let isRunning = true;
  let count = 0;
  const sendBatch = async (): Promise<void> => {
    const ids = Array.from({ length: BATCH }, () => `load-${count++}`);
    const tasks = ids.map((task_id, i) => ({
      name: 'noted',
      kwargs: { ms },
      task_id,
      // Of each kind that is stored in a way of its own.
      ...[{}, { priority: 7 }, { countdown: 0.05 }, { expires: 600 }][i % 4],
    }));
    const answer = await api.post('/v1/send_tasks', { tasks }).catch(() => undefined);
    if (answer) expect(answer.status, answer.text).to.be.oneOf([202, 503]);
    const fate = answer?.status === 202 ? accepted : answer ? refused : unanswered;
    fate.push(...ids);
  };
  const loop = (async () => {
    while (isRunning) {
      await sendBatch();
      await sleep(10);
    }
  })();
  // Told by stop() or grow().
  loop.catch(() => undefined);
  return {
    accepted,
    refused,
    unanswered,
    async grow(by) {
      const from = accepted.length;
      const grown = eventually(() => accepted.length >= from + by, SETTLE_MS);
      await Promise.race([grown, loop.then(() => grown)]);
    },
    stop() {
      isRunning = false;
      return loop;
    },
  };
}

export interface Promises {
  /** Whether what was answered with 503 may be there: the line broke in the middle. Default: false */
  readonly isDoubtful?: boolean;
  /** Starts of one task. Default: 1 */
  readonly runsMax?: number;
}

/** Ends the load, waits, and holds the cluster to what it promises whatever happens. */
export async function expectPromisesKept(
  api: TestApi,
  load: Load,
  { isDoubtful = false, runsMax = 1 }: Promises = {},
): Promise<void> {
  await load.stop();
  const { accepted, refused, unanswered } = load;
  await eventually(async () => {
    const records = await recordsOf(api, accepted);
    const open = records.filter((record) => !record?.ready);
    expect(open.map((record) => record && [record.task_id, record.state])).to.deep.equal([]);
    return true;
  }, SETTLE_MS);
  const doubtful = isDoubtful ? [...refused, ...unanswered] : unanswered;
  const kept = await settled(api, accepted, doubtful);

  const look = testRedis();
  const key = `${api.config.prefix}.runs`;
  const runs = await look.lrange(key, 0, -1);
  await look.del(key);
  const counts = new Map<string, number>();
  for (const id of runs) counts.set(id, (counts.get(id) ?? 0) + 1);
  const often = [...counts].filter(([, count]) => count > runsMax);
  expect(often, 'run too often').to.deep.equal([]);
  if (!isDoubtful)
    expect(
      refused.filter((id) => counts.has(id)),
      'refused, and run',
    ).to.deep.equal([]);
  expect(await listed(api), 'listed').to.have.members(kept);
}

/** All that is stored, each of it SUCCESS, and as often in the counts. */
async function settled(api: TestApi, accepted: readonly string[], doubtful: readonly string[]) {
  return eventually(async () => {
    const records = await recordsOf(api, [...accepted, ...doubtful]);
    const stored = records.filter((record) => record !== null);
    const others = stored.filter(({ state }) => state !== 'SUCCESS');
    expect(
      others.map(({ task_id, state, error, retries }) => [task_id, state, error, retries]),
    ).to.deep.equal([]);
    const { body } = await api.get('/v1/queues/default');
    const counts = { succeeded: stored.length, failed: 0, waiting: 0, active: 0, delayed: 0 };
    expect(body).to.include(counts);
    return stored.map(({ task_id }) => task_id);
  }, SETTLE_MS);
}

async function listed(api: TestApi): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor = ''; ; ) {
    const { body } = await api.get(`/v1/tasks?limit=200${cursor}`);
    ids.push(...body.tasks.map((task: { task_id: string }) => task.task_id));
    if (!body.next_cursor) return ids;
    cursor = `&cursor=${encodeURIComponent(body.next_cursor)}`;
  }
}
