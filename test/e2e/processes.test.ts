/** `kaje worker --processes 2`: one supervisor, two real workers. */
import { expect } from 'chai';
import { closedPort } from '../client/connect.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { countStates, endOf, LIFE, recordsOf, sendAll } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { testRedis } from '../support/redis.ts';
import { type Process, runWorkerProcess } from '../support/worker.ts';

const TWO = ['--processes', '2', '--name', 'x', '--queues', 'default:2'];

const sendTraces = (api: TestApi, durations: readonly number[]) =>
  sendAll(
    api,
    durations.map((ms) => ({ name: 'trace', kwargs: { key: 'runs', ms } })),
  );

const runsIn = async (api: TestApi) => testRedis().lrange(`${api.config.prefix}.runs:runs`, 0, -1);

/** Sends tasks and resolves with their ids when all of them run. */
async function startTraces(api: TestApi, durations: readonly number[]): Promise<string[]> {
  const ids = await sendTraces(api, durations);
  await eventually(async () => (await runsIn(api)).length === ids.length);
  return ids;
}

const workersOf = async (api: TestApi): Promise<string[]> =>
  (await api.get('/v1/workers')).body.workers.map(({ id }: { id: string }) => id).sort();

/** Process ids of the workers of this name, in the order in which they were ready. */
function pidsOf({ output }: Process, worker = 'x-[12]'): number[] {
  const line = new RegExp(`"pid":(\\d+).*"worker":"${worker}".*"msg":"worker is ready"`, 'g');
  return [...output().matchAll(line)].map(([, pid]) => Number(pid));
}

/** Those of x-1 and x-2, as soon as the log has told them. */
const twoPidsOf = (worker: Process) =>
  eventually(() => {
    const pids = pidsOf(worker);
    return pids.length === 2 && pids;
  });

const healthAt = (port: number) => async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
  const { status } = (await answer.json()) as { status: string };
  return `${answer.status} ${status}`;
};

describe('a worker of two processes', () => {
  it('shares the tasks of a queue, and lets them end although all processes get the signal', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, [...TWO, '--grace', '600']);
    expect(await workersOf(api)).to.deep.equal(['x-1', 'x-2']);
    const ids = await startTraces(api, [300, 600, 60_000, 60_000]);
    const workers = (await recordsOf(api, ids)).map((record) => record.worker).sort();
    expect(workers).to.deep.equal(['x-1', 'x-1', 'x-2', 'x-2']);
    const pids = await twoPidsOf(worker);
    // As service managers do.
    for (const pid of [...pids, Number(worker.child.pid)]) process.kill(pid, 'SIGTERM');
    await endOf(api, ids.slice(0, 2), 5000);
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    const records = await recordsOf(api, ids);
    expect(countStates(records)).to.deep.equal({ SUCCESS: 2, PENDING: 2 });
    expect(await runsIn(api)).to.have.members(ids);
  });

  it('replaces one that is killed, but none that is shut down, and ends with the last', async () => {
    const api = await startTestApi();
    const port = await closedPort();
    const health = healthAt(port);
    const worker = await runWorkerProcess(api.config, [...TWO, '--health-port', `${port}`]);
    expect(await health()).to.equal('200 ready');
    const [, second] = await twoPidsOf(worker);
    process.kill(Number(second), 'SIGKILL');
    await eventually(async () => (await health()) === '503 x-2: starting');
    await eventually(() => pidsOf(worker, 'x-2').length === 2);
    await eventually(async () => (await health()) === '200 ready');
    expect(worker.output()).to.match(
      /"worker":"x-2","process":\d+,"ended":"SIGKILL","again_in_s":0.2,"msg":"a worker process/,
    );
    await api.post('/v1/workers/x-1/shutdown');
    await eventually(async () => (await workersOf(api)).join() === 'x-2');
    await eventually(async () => (await health()) === '200 ready');
    await api.post('/v1/workers/x-2/shutdown');
    expect(await worker.ended).to.equal(0);
    expect(worker.output().match(/ended by itself/g)).to.have.length(1);
  });

  it('leaves no orphans when its supervisor is killed, and running tasks end', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, TWO);
    const ids = await startTraces(api, [700, 700, 700, 700]);
    worker.child.kill('SIGKILL');
    // Its output is closed by the last process that holds it.
    expect(await worker.ended).to.equal('SIGKILL');
    expect(countStates(await recordsOf(api, ids))).to.deep.equal({ SUCCESS: 4 });
  });

  it('leaves none behind either that hangs in a task', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, [...TWO, '--grace', '0', '--tasks', LIFE]);
    await sendAll(api, [{ name: 'block', kwargs: { until: '/never' } }]);
    await eventually(async () => (await testRedis().llen(`${api.config.prefix}.runs:block`)) === 1);
    worker.child.kill('SIGKILL');
    expect(await worker.ended).to.equal('SIGKILL');
  });
});
