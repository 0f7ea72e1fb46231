import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { createKeys } from '../../shared/keys.ts';
import { createRegistry } from '../../shared/registry.ts';
import { defineTask, type Task } from '../../shared/task.ts';
import { TaskRevokedError } from '../../shared/taskErrors.ts';
import { startWorker } from '../../worker/worker.ts';
import { hold, spin } from '../fixtures/isolated.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate } from '../support/life.ts';
import { collectLog } from '../support/log.ts';
import { testRedis } from '../support/redis.ts';
import { openSse } from '../support/sse.ts';
import { publishTasks, startApiAlone } from '../support/stack.ts';
import { startStored } from '../support/stored.ts';
import { startTestWorker } from '../support/worker.ts';

let runs = 0;
let letGo: () => void = () => undefined;
let reason: unknown;

/** Runs until the test lets it go, whatever its signal says; then ends as it is told. */
const deaf = defineTask('deaf', {
  retry: { max: 3, delay: 0.05 },
  async run({ fails = false }: { fails?: boolean }, { signal }) {
    runs++;
    const { open, opened } = gate();
    letGo = open;
    await opened;
    reason = signal.reason;
    if (fails) throw new RangeError('no');
    return 'done';
  },
});
const good = defineTask('good', {
  retry: { max: 3, delay: 0.05 },
  async run(_: object, { signal, updateState }) {
    runs++;
    await updateState('LISTENING');
    await sleep(60_000, undefined, { signal });
  },
});
const quick = defineTask('quick', { run: () => 'ran' });
const tasks: Task[] = [deaf, good, quick];

/** One slot, so that the next task runs when it is free. */
async function start(all: readonly Task[] = tasks, modules: readonly string[] = []) {
  const api = await startTestApi();
  const { log, lines } = collectLog();
  const registry = createRegistry(all.map((task) => [task, 'the test'] as const));
  const queues = [{ name: 'default', concurrency: 1 }];
  const { config } = api;
  const worker = await startWorker({ config, registry, queues, log, modules });
  defer(() => worker.stop(AbortSignal.abort()));
  const errors = () => lines.filter(({ level }) => level >= 50);
  return { api, errors, lines };
}

const send = async (api: TestApi, name: string, request: object = {}): Promise<string> =>
  (await api.post('/v1/send_task', { name, ...request })).body.task_id;
const get = async (api: TestApi, id: string, wait = 0) =>
  (await api.get(`/v1/tasks/${id}?wait=${wait}`)).body;
const revoke = (api: TestApi, id: string, terminate = false) =>
  api.post(`/v1/tasks/${id}/revoke`, { terminate });
const becomes = (api: TestApi, id: string, state: string) =>
  eventually(async () => (await get(api, id)).state === state);

beforeEach(() => {
  runs = 0;
  reason = undefined;
});

describe('a task that is revoked while it runs', () => {
  it('and listens to its signal ends REVOKED, its retries unused', async () => {
    const { api, errors } = await start();
    const id = await send(api, 'good');
    const stream = await openSse(`${api.url}/v1/tasks/${id}/events`);
    await becomes(api, id, 'LISTENING');
    const { body, status } = await revoke(api, id);
    expect([status, body.state]).to.deep.equal([200, 'LISTENING']);
    const ended = await get(api, id, 10);
    expect(ended).to.include({ state: 'REVOKED', retries: 0, failed: false, result: null });
    expect(ended.error).to.include({ type: 'TaskRevokedError', message: 'The task was revoked' });
    expect(ended.worker).to.match(/^worker-/);
    expect(ended.runtime).to.be.above(0);
    expect((await stream.ended).at(-1)?.data).to.deep.equal(ended);
    expect((await revoke(api, id)).status).to.equal(409);
    expect(await get(api, await send(api, 'quick'), 10)).to.include({ result: 'ran' });
    expect(runs).to.equal(1);
    expect(errors()).to.deep.equal([]);
  });

  it('and has done its work all the same is SUCCESS', async () => {
    const { api } = await start();
    const id = await send(api, 'deaf');
    await eventually(() => runs === 1);
    await revoke(api, id);
    // Told again, it goes on.
    expect((await revoke(api, id)).body.state).to.equal('STARTED');
    letGo();
    expect(await get(api, id, 10)).to.include({ state: 'SUCCESS', result: 'done' });
    expect(reason).to.be.instanceOf(TaskRevokedError);
    expect((await api.delete(`/v1/tasks/${id}`)).status).to.equal(204);
  });

  it('and fails otherwise is REVOKED instead of being retried', async () => {
    const { api } = await start();
    const id = await send(api, 'deaf', { kwargs: { fails: true } });
    await eventually(() => runs === 1);
    await revoke(api, id);
    letGo();
    const ended = await get(api, id, 10);
    expect(ended).to.include({ state: 'REVOKED', retries: 0 });
    expect(ended.error.type).to.equal('TaskRevokedError');
    const retried = await api.post(`/v1/tasks/${id}/retry`);
    expect(retried.status).to.equal(202);
    await eventually(() => runs === 2);
    letGo();
    // Nothing is left of the revocation: it fails and is tried again.
    await eventually(() => runs === 3);
    expect(reason).to.equal(undefined);
    letGo();
  });

  it('and loses its worker is REVOKED and not run again', async () => {
    const { api, redis } = await startApiAlone(tasks);
    const id = await send(api, 'quick');
    const keys = createKeys(api.config.prefix);
    await startStored({ redis, keys }, id, Date.now() - 1000);
    expect((await revoke(api, id)).body.state).to.equal('STARTED');
    // As fourteen seconds later, when its lock has run out and a live worker looks for such.
    const base = keys.queueBase('default');
    await redis.del(`${keys.job('default', id)}:lock`);
    const lost = await get(api, id);
    expect(lost).to.include({ state: 'REVOKED', worker: null });
    await redis.sadd(`${base}stalled`, id);
    await startTestWorker(api.config, tasks);
    await eventually(async () => (await redis.zcard(`${base}failed`)) === 1);
    expect(await get(api, id)).to.deep.equal(lost);
    expect(await redis.zcard(`${base}completed`)).to.equal(0);
  });
});

describe('a task that is terminated', () => {
  it('is REVOKED at once, its slot free, its late result dropped, and nothing an error', async () => {
    const { api, errors } = await start();
    for (const fails of [false, true]) {
      runs = 0;
      const id = await send(api, 'deaf', { kwargs: { fails } });
      await eventually(() => runs === 1);
      const end = letGo;
      const { body } = await revoke(api, id, true);
      expect(body).to.include({ state: 'REVOKED', ready: true, retries: 0 });
      expect(body.worker).to.match(/^worker-/);
      expect(body.runtime).to.be.a('number');
      expect(await get(api, await send(api, 'quick'), 10)).to.include({ state: 'SUCCESS' });
      end();
      await eventually(() => reason instanceof TaskRevokedError);
      expect(await get(api, await send(api, 'quick'), 10)).to.include({ state: 'SUCCESS' });
      expect(await get(api, id)).to.deep.equal(body);
      expect((await revoke(api, id, true)).status).to.equal(409);
    }
    expect(runs).to.equal(1);
    expect(errors()).to.deep.equal([]);
  });

  it('may be run again while the code of its first run goes on', async () => {
    const { api, errors } = await start();
    const id = await send(api, 'deaf');
    await eventually(() => runs === 1);
    const endFirst = letGo;
    await revoke(api, id, true);
    expect((await api.post(`/v1/tasks/${id}/retry`)).status).to.equal(202);
    await eventually(() => runs === 2);
    endFirst();
    await eventually(() => reason instanceof TaskRevokedError);
    expect((await get(api, id)).state).to.equal('STARTED');
    letGo();
    expect(await get(api, id, 10)).to.include({ state: 'SUCCESS', result: 'done', retries: 0 });
    expect(errors()).to.deep.equal([]);
  });

  it('and forgotten leaves nothing in Redis, though its code goes on', async () => {
    const { api } = await start();
    const id = await send(api, 'deaf');
    await eventually(() => runs === 1);
    await revoke(api, id, true);
    expect((await api.delete(`/v1/tasks/${id}`)).status).to.equal(204);
    letGo();
    await get(api, await send(api, 'quick'), 10);
    const { prefix } = api.config;
    expect(await testRedis().keys(`${prefix}*${id}*`)).to.deep.equal([]);
  });

  for (const runIn of ['thread', 'process'] as const) {
    it(`in a ${runIn} has it killed, also in the middle of a computation`, async () => {
      const module = fileURLToPath(new URL('../fixtures/isolated.ts', import.meta.url));
      const isolated = [spin, hold].map((task) => ({ ...task, options: { runIn } }));
      const { api, errors } = await start([...isolated, quick], [module]);
      await publishTasks(api.config, isolated);
      const spinning = await send(api, 'spin');
      await becomes(api, spinning, 'SPINNING');
      expect((await revoke(api, spinning)).body.state).to.equal('SPINNING');
      expect((await revoke(api, spinning, true)).body.state).to.equal('REVOKED');
      const holding = await send(api, 'hold');
      await becomes(api, holding, 'HOLDING');
      await revoke(api, holding);
      expect(await get(api, holding, 10)).to.include({ state: 'REVOKED' });
      expect(await get(api, await send(api, 'quick'), 10)).to.include({ state: 'SUCCESS' });
      expect((await get(api, spinning)).state).to.equal('REVOKED');
      expect(errors()).to.deep.equal([]);
    });
  }
});

it('tasks of many workers are stopped by one call, by a tag', async () => {
  const api = await startTestApi();
  for (let i = 0; i < 2; i++) {
    await startTestWorker(api.config, tasks, [{ name: 'default', concurrency: 3 }]);
  }
  const ids: string[] = [];
  for (let i = 0; i < 6; i++) ids.push(await send(api, 'good', { tags: ['all'] }));
  for (const id of ids) await becomes(api, id, 'LISTENING');
  const { body } = await api.post('/v1/revoke', { tag: 'all' });
  expect(body).to.deep.equal({ revoked: 0, running: 6, ready: 0, unknown: 0 });
  for (const id of ids) expect((await get(api, id, 10)).state).to.equal('REVOKED');
  expect(runs).to.equal(6);
});
