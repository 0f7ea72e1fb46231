import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { defineTask, type Task } from '../../shared/task.ts';
import { createConsumer } from '../../worker/consumer.ts';
import { messageOf, startTestBroker } from '../support/broker.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { collectLog } from '../support/log.ts';
import { testTools } from '../support/tools.ts';

const runs: string[] = [];
const work = defineTask('work', {
  run(_: object, { id }) {
    runs.push(id);
    return 'done';
  },
});
const early = defineTask('early', { ...{ acksLate: false, maxConcurrency: 1 }, run: work.run });

type Script = (...args: unknown[]) => Promise<unknown>;

/** Keeps the answers of Redis to a fetch that brought a task, until it is opened. */
function holdFetches(redis: Redis) {
  const methods: Record<string, Script> = redis as never;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const gate = { held: 0, open };
  for (const name of Object.keys(methods).filter((each) => each === 'kaje:finishTasks')) {
    const original = methods[name];
    methods[name] = async (...args) => {
      const reply = await original?.apply(redis, args);
      if (Array.isArray(reply) && Array.isArray(reply[1]) && reply[1].length > 0) {
        gate.held++;
        await opened;
      }
      return reply;
    };
  }
  return gate;
}

/** A consumer to whom a task is on its way. */
async function startSlow(task: Task) {
  const test = await startTestBroker();
  const { log, lines } = collectLog();
  const tools = testTools(test.config, [task], { log });
  const gate = holdFetches(tools.redis);
  const consumer = createConsumer({ queue: 'default', concurrency: 2, tools });
  defer(() => consumer.stop(AbortSignal.abort()));
  await test.broker.add([messageOf('a', { name: task.name })]);
  await eventually(() => gate.held === 1);
  const read = async (id: string) => (await test.broker.read([id]))[0]?.result;
  return { ...test, gate, consumer, lines, read };
}

beforeEach(() => {
  runs.length = 0;
});

describe('a task that is revoked between its fetch and its start', () => {
  for (const task of [work, early]) {
    for (const terminate of [false, true]) {
      it(`is not run: ${task.name}, ${terminate ? 'terminated' : 'told to stop'}`, async () => {
        const { broker, consumer, gate, lines, read } = await startSlow(task);
        const answer = await broker.revoke('a', terminate);
        expect(answer.state).to.equal(terminate ? 'REVOKED' : 'STARTED');
        // Faster than the answer to the fetch.
        expect(consumer.revoke(['a'], terminate)).to.deep.equal([]);
        gate.open();
        await eventually(async () => (await read('a'))?.ready);
        expect(await read('a')).to.include({ state: 'REVOKED', retries: 0 });
        await broker.add([messageOf('b', { name: task.name })]);
        await eventually(async () => (await read('b'))?.state === 'SUCCESS');
        expect(runs).to.deep.equal(['b']);
        expect((await read('a'))?.state).to.equal('REVOKED');
        expect(lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
      });
    }
  }

  it('and brought back by an operator is run', async () => {
    const { broker, consumer, gate, read } = await startSlow(work);
    await broker.revoke('a', true);
    consumer.revoke(['a'], true);
    await broker.retry('a');
    gate.open();
    await eventually(async () => (await read('a'))?.ready);
    expect(await read('a')).to.include({ state: 'SUCCESS', result: 'done' });
    expect(runs).to.deep.equal(['a']);
  });

  it('costs others of its name nothing', async () => {
    const { broker, consumer, gate, read } = await startSlow(work);
    consumer.revoke(['a', 'b'], false);
    gate.open();
    await broker.add([messageOf('b', { name: 'work' })]);
    await eventually(async () => (await read('b'))?.ready && (await read('a'))?.ready);
    expect(runs.sort()).to.deep.equal(['a', 'b']);
  });
});
