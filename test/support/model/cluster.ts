/** What a history disturbs: a Redis, an API and two workers, each on a line of its own that can be cut. */
import { randomBytes } from 'node:crypto';
import { type RunningApi, startApi } from '../../../api/server.ts';
import { createRegistry } from '../../../shared/registry.ts';
import type { Task } from '../../../shared/task.ts';
import { type RunningWorker, startWorker } from '../../../worker/worker.ts';
import { clientOf, type TestApi } from '../api.ts';
import { eventually } from '../eventually.ts';
import { type RedisProxy, redisProxy } from '../proxy.ts';
import { silentLog, testConfig, testRedis } from '../redis.ts';
import type { OwnRedis } from '../server.ts';

const CONCURRENCY = 4;

interface Worker {
  readonly line: RedisProxy;
  readonly started: Promise<RunningWorker>;
}

export type Cluster = Awaited<ReturnType<typeof startCluster>>;

export async function startCluster(redis: OwnRedis, tasks: readonly Task[]) {
  const prefix = `model-${randomBytes(6).toString('hex')}`;
  const registry = createRegistry(tasks.map((task) => [task, 'the model'] as const));
  const look = testRedis(redis.url);
  const workers: (Worker | undefined)[] = [];
  const ending: Promise<unknown>[] = [];
  let starts = 0;
  let api: { readonly client: TestApi; readonly line: RedisProxy; readonly running: RunningApi };

  const configOf = (line: RedisProxy) =>
    testConfig({ redisUrl: line.url, prefix, concurrency: CONCURRENCY, grace: 0 });

  const startOneApi = async (): Promise<void> => {
    const line = await redisProxy(redis.url);
    const config = configOf(line);
    const running = await startApi(config, silentLog());
    const client = clientOf(running.url, config, running.stop);
    api = { client, line, running };
    await eventually(async () => (await client.get('/health/ready')).status === 200, 30_000);
  };
  const startOneWorker = async (index: number): Promise<void> => {
    if (workers[index]) return;
    const line = await redisProxy(redis.url);
    const name = `w${index}-${++starts}`;
    const queues = [{ name: 'default' }];
    const options = { config: configOf(line), registry, queues, log: silentLog(), name };
    workers[index] = { line, started: startWorker(options) };
  };
  /** Dead to Redis from one moment to the next; what it still does reaches nobody. */
  const killWorker = async (index: number): Promise<void> => {
    const worker = workers[index];
    if (!worker) return;
    workers[index] = undefined;
    const { stop } = await worker.started;
    worker.line.close();
    ending.push(stop(AbortSignal.abort()));
  };
  const killApi = (): void => {
    api.line.close();
    ending.push(api.running.stop(AbortSignal.abort()));
  };

  await Promise.all([startOneWorker(0), startOneWorker(1)]);
  await Promise.all(workers.map((worker) => worker?.started));
  await startOneApi();
  return {
    api: () => api.client,
    startWorker: startOneWorker,
    killWorker,
    async restartApi() {
      killApi();
      await startOneApi();
    },
    async restartRedis() {
      process.kill(redis.pid(), 'SIGKILL');
      await redis.start();
      await eventually(() => look.ping().catch(() => undefined));
    },
    flushScripts: () => look.script('FLUSH'),
    cutApi: () => api.line.cut(),
    loseAnswers: () => api.line.loseAnswers(),
    cutWorker: (index: number) => workers[index]?.line.cut(),
    async stop() {
      for (const index of workers.keys()) {
        const worker = workers[index];
        if (worker) ending.push(worker.started.then(({ stop }) => stop(AbortSignal.abort())));
      }
      ending.push(api.running.stop(AbortSignal.abort()));
      await Promise.all(ending);
      await look.flushall();
      look.disconnect();
    },
  };
}
