import { expect } from 'chai';
import { echo } from '../fixtures/quick.ts';
import { type Answer, startTestApi, type TestApi } from '../support/api.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { testRedis } from '../support/redis.ts';
import { type OwnRedis, ownRedis } from '../support/server.ts';
import { publishTasks, startApiAlone, storedIn } from '../support/stack.ts';

/** The contract says 1 s; the rest is for a busy machine. */
const AT_ONCE_MS = 1500;
/** The contract says 2 s. */
const BACK_WITHIN_MS = 3000;

interface Fault {
  readonly title: string;
  begin(redis: OwnRedis): Promise<unknown>;
  end(redis: OwnRedis): Promise<unknown>;
  /** Whether the connection is lost, which the log tells once. */
  readonly isOutage: boolean;
  /** Reads are answered as ever. */
  readonly isReadable?: true;
}

const inRedis =
  (...command: [string, ...string[]]) =>
  async ({ url }: OwnRedis) => {
    const redis = testRedis(url);
    await redis.call(...command);
  };

const FAULTS: readonly Fault[] = [
  { title: 'is stopped', begin: (r) => r.stop(), end: (r) => r.start(), isOutage: true },
  {
    title: 'is frozen',
    begin: async (r) => process.kill(r.pid(), 'SIGSTOP'),
    end: async (r) => process.kill(r.pid(), 'SIGCONT'),
    isOutage: true,
  },
  {
    title: 'has become a replica that takes no writes',
    // Port 1: a master that never answers, so that it keeps its data.
    begin: inRedis('REPLICAOF', '127.0.0.1', '1'),
    end: inRedis('REPLICAOF', 'NO', 'ONE'),
    isOutage: false,
    isReadable: true,
  },
  {
    title: 'is out of memory',
    begin: inRedis('CONFIG', 'SET', 'maxmemory', '1'),
    end: inRedis('CONFIG', 'SET', 'maxmemory', '0'),
    isOutage: false,
    isReadable: true,
  },
];

async function timed(call: Promise<Answer>): Promise<Answer> {
  const startedAt = performance.now();
  const answer = await call;
  expect(performance.now() - startedAt, 'ms').to.be.below(AT_ONCE_MS);
  return answer;
}

async function expectUnavailable(call: Promise<Answer>): Promise<void> {
  const { status, headers, body } = await timed(call);
  expect(status).to.equal(503);
  expect(headers.get('retry-after')).to.equal('1');
  expect(headers.get('location')).to.equal(null);
  expect(body).to.include({ type: 'urn:kaje:problem:broker_unavailable', status: 503 });
}

/** Every way to send, twice: the first meets a connection that seems alive. */
async function expectNoSends(api: TestApi): Promise<void> {
  for (const _ of [1, 2]) {
    await Promise.all([
      expectUnavailable(api.post('/v1/send_task', { name: 'echo' })),
      expectUnavailable(api.post('/v1/send_task?wait=30', { name: 'echo' })),
      expectUnavailable(api.post('/v1/send_task', { name: 'echo', task_id: 'mine' })),
      expectUnavailable(api.post('/v1/send_task', { name: 'echo', countdown: 60 })),
      expectUnavailable(
        api.post('/v1/send_tasks', { tasks: [{ name: 'echo' }, { name: 'echo' }] }),
      ),
    ]);
  }
}

async function expectNoReads(api: TestApi): Promise<void> {
  for (const path of ['/v1/tasks/t', '/v1/tasks/t?wait=30', '/v1/tasks/t/events', '/v1/registry']) {
    await expectUnavailable(api.get(path));
  }
  await expectUnavailable(api.post('/v1/results', { task_ids: ['t'] }));
}

async function expectHealth(api: TestApi, isReady: boolean): Promise<void> {
  expect((await timed(api.get('/health/live'))).status).to.equal(200);
  if (isReady) expect((await timed(api.get('/health/ready'))).status).to.equal(200);
  else await expectUnavailable(api.get('/health/ready'));
}

/** Sends a task as soon as one is taken again. */
async function expectRecovery(api: TestApi): Promise<void> {
  await eventually(
    async () => (await api.post('/v1/send_task', { name: 'echo' })).status === 202,
    BACK_WITHIN_MS,
  );
}

describe('an API whose Redis', () => {
  for (const { title, begin, end, isOutage, isReadable } of FAULTS) {
    it(`${title} refuses at once, keeps nothing for later and is soon back`, async () => {
      const redis = await ownRedis();
      const { log, lines } = collectLog();
      const { api } = await startApiAlone([echo], { redisUrl: redis.url }, { log });
      await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
      await expectHealth(api, true);

      await begin(redis);
      // Also where the test fails: a frozen Redis would not even stop.
      let isOver = false;
      defer(() => isOver || end(redis));
      await expectNoSends(api);
      await expectHealth(api, false);
      if (isReadable) expect((await api.get('/v1/tasks/t')).status).to.equal(200);
      else await expectNoReads(api);

      await end(redis);
      isOver = true;
      await expectRecovery(api);
      await expectHealth(api, true);
      expect(await storedIn(testRedis(redis.url), api.config)).to.equal(2);
      expect((await api.get('/v1/tasks/mine')).status).to.equal(404);
      const told = lines.filter((line) => line.request_id === undefined && line.redis);
      expect(told.map(({ level }) => level)).to.deep.equal(isOutage ? [50, 30] : []);
      expect(lines.filter(({ status }) => status === 500)).to.deep.equal([]);
    });
  }

  it('is not there yet starts, says 503, and works once it is', async () => {
    const redis = await ownRedis();
    await redis.stop();
    const { log, lines } = collectLog();
    const api = await startTestApi({ redisUrl: redis.url }, { log });
    await expectHealth(api, false);
    await expectNoSends(api);
    await redis.start();
    await publishTasks(api.config, [echo]);
    await expectRecovery(api);
    await expectHealth(api, true);
    expect(await storedIn(testRedis(redis.url), api.config)).to.equal(1);
    expect(lines.filter(({ level, redis: of }) => level === 50 && of)).to.have.length(1);
  });

  it('goes away during a wait answers it when the task is there again', async () => {
    const redis = await ownRedis();
    const { api } = await startApiAlone([echo], { redisUrl: redis.url });
    await api.post('/v1/send_task', { name: 'echo', task_id: 't' });
    const waiting = api.get('/v1/tasks/t?wait=4');
    await eventually(async () => (await testRedis(redis.url).pubsub('NUMSUB')) !== undefined);
    await redis.stop();
    await redis.start();
    const { status, body } = await waiting;
    expect(status).to.equal(200);
    expect(body.state).to.equal('PENDING');
  });

  it('goes away during the wait of a send still says that the task was accepted', async () => {
    const redis = await ownRedis();
    const { api } = await startApiAlone([echo], { redisUrl: redis.url });
    const sending = api.post('/v1/send_task?wait=2', { name: 'echo', task_id: 't' });
    const look = testRedis(redis.url);
    await eventually(async () => (await storedIn(look, api.config)) === 1);
    await redis.stop();
    const { status, headers, body } = await sending;
    expect(status).to.equal(202);
    expect(headers.get('location')).to.equal('tasks/t');
    expect(body).to.include({ task_id: 't', state: 'PENDING' });
    await redis.start();
    await eventually(async () => (await api.get('/v1/tasks/t')).status === 200);
  });
});
