/** Time limits of tasks on the worker's own event loop. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import { SoftTimeLimitExceeded, TimeLimitExceeded } from '../../shared/taskErrors.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { gate, startLife } from '../support/life.ts';
import { startApiAlone } from '../support/stack.ts';
import { startTestWorker } from '../support/worker.ts';

type Run = (input: never, ctx: TaskContext) => unknown;
const taskOf = (options: TaskOptions, run: Run) => defineTask('work', { ...options, run });

/** Runs until its signal is aborted, as Node's own functions do. */
const untilAborted: Run = (_, ctx) => sleep(60_000, undefined, { signal: ctx.signal });

async function endOf(options: TaskOptions, run: Run, body: object = {}, config: object = {}) {
  const life = await startLife(config);
  await startTestWorker(life.config, [taskOf(options, run)]);
  await life.send('work', ['a'], body);
  return life.end('a');
}

describe('the soft time limit', () => {
  it('aborts the signal and leaves the task the rest of its time to clean up', async () => {
    const seen: unknown[] = [];
    const result = await endOf({ softTimeLimit: 0.1, timeLimit: 20 }, async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      seen.push(signal.reason);
      await sleep(100);
      return 'cleaned up';
    });
    expect(seen[0]).to.be.instanceOf(SoftTimeLimitExceeded);
    expect(result).to.include({ state: 'SUCCESS', result: 'cleaned up' });
  });

  it("is the task's error where Node ends a wait because of it", async () => {
    const result = await endOf({ softTimeLimit: 0.1 }, untilAborted);
    expect(result.state).to.equal('FAILURE');
    expect(result.error).to.include({ type: 'SoftTimeLimitExceeded' });
    expect(result.error?.message).to.contain('0.1 s');
  });

  it('is retried as any error that the policy allows', async () => {
    const retry = { max: 1, delay: 0.01, jitter: false };
    const result = await endOf({ softTimeLimit: 0.05, retry }, untilAborted);
    expect(result).to.include({ state: 'FAILURE', retries: 1 });
  });

  it('is followed by the hard one for a task that does not listen', async () => {
    const result = await endOf({ softTimeLimit: 0.05, timeLimit: 0.15 }, () => sleep(60_000));
    expect(result.error).to.include({ type: 'TimeLimitExceeded' });
  });
});

describe('the hard time limit', () => {
  it('makes the task a FAILURE at once and frees its slot', async () => {
    const life = await startLife();
    const hang = taskOf({ timeLimit: 0.2 }, () => sleep(60_000));
    const next = defineTask('next', { run: () => 'ran' });
    const queues = [{ name: 'default', concurrency: 1 }];
    const worker = await startTestWorker(life.config, [hang, next], queues);
    await life.send('work', ['a']);
    await life.send('next', ['b']);
    const result = await life.end('a');
    expect(result.error).to.include({ type: 'TimeLimitExceeded' });
    expect(result.error?.message).to.contain('0.2 s');
    expect(result.runtime).to.be.within(0.2, 2);
    expect(await life.end('b', 2000)).to.include({ state: 'SUCCESS' });
    expect(worker.consumers[0]?.active).to.equal(0);
  });

  it('aborts the signal with its own reason', async () => {
    let reason: unknown;
    await endOf({ timeLimit: 0.05 }, (_, { signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return sleep(60_000);
    });
    expect(reason).to.be.instanceOf(TimeLimitExceeded);
  });

  it('lets nothing of what the abandoned run still does change anything', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    defer(() => process.off('unhandledRejection', note));
    const life = await startLife();
    const { open, opened } = gate();
    const did = gate<unknown>();
    const zombie = taskOf({ timeLimit: 0.1 }, async (_, ctx) => {
      await ctx.progress('before');
      ctx.log.info('before');
      await opened;
      await ctx.progress('after');
      ctx.log.info('after');
      did.open(await ctx.send('work').catch((error: Error) => error.message));
      throw new Error('late');
    });
    await startTestWorker(life.config, [zombie]);
    await life.send('work', ['a']);
    const before = await life.end('a');
    open();
    expect(await did.opened).to.contain('has ended');
    // Longer than progress and lines are held back.
    await sleep(250);
    expect(await life.read('a')).to.deep.equal(before);
    const { logs } = await life.broker.logs('a', 0);
    expect(logs.map(({ message }) => message)).to.deep.equal(['before']);
    expect(unhandled).to.deep.equal([]);
  });

  const table: readonly [why: string, on: TaskOptions['retry'], retries: number][] = [
    ['is not retried', { max: 1, delay: 0.01 }, 0],
    ['is retried where the policy names it', { max: 1, delay: 0.01, on: [TimeLimitExceeded] }, 1],
    ['is not retried where the policy names others', { max: 1, delay: 0.01, on: [TypeError] }, 0],
  ];
  for (const [why, retry, retries] of table) {
    it(why, async () => {
      const options = { timeLimit: 0.05, ...(retry ? { retry } : {}) };
      const result = await endOf(options, () => sleep(60_000));
      expect(result).to.include({ state: 'FAILURE', retries });
      expect(result.error?.type).to.equal('TimeLimitExceeded');
    });
  }

  it('ends no run that was faster', async () => {
    const result = await endOf({ timeLimit: 0.2 }, () => sleep(20, 'fast'));
    expect(result).to.include({ state: 'SUCCESS', result: 'fast' });
  });
});

describe('which time limit holds', () => {
  /** What says which limit ends a run, which else is long. */
  const limitOf = async (options: TaskOptions, body: object, config: object, set?: object) => {
    const life = await startLife(config);
    const task = taskOf(options, () => sleep(700, 'none'));
    await startTestWorker(life.config, [task]);
    if (set) await life.broker.setLimits('work', set);
    let runs = 0;
    return async () => {
      const id = `run-${runs++}`;
      await life.send('work', [id], body);
      const { error, result } = await life.end(id);
      return Number(/([\d.]+) s$/.exec(error?.message ?? '')?.[1] ?? Number.NaN) || result;
    };
  };
  const table: readonly [why: string, ...Parameters<typeof limitOf>, expected: unknown][] = [
    ['none by default', {}, {}, {}, undefined, 'none'],
    ["the worker's, KAJE_TIME_LIMIT", {}, {}, { timeLimit: 0.1 }, undefined, 0.1],
    ["the task's over the worker's", { timeLimit: 0.2 }, {}, { timeLimit: 0.1 }, undefined, 0.2],
    [
      "the one set at run time over the task's",
      { timeLimit: 0.1 },
      {},
      {},
      { time_limit: 0.2 },
      0.2,
    ],
    ['none, where that was set at run time', { timeLimit: 0.1 }, {}, {}, { time_limit: 0 }, 'none'],
    [
      "the call's over all others",
      { timeLimit: 0.1 },
      { time_limit: 0.3 },
      { timeLimit: 0.1 },
      { time_limit: 0.2 },
      0.3,
    ],
  ];
  for (const [why, options, body, config, set, expected] of table) {
    it(`is ${why}`, async () => {
      const limit = await limitOf(options, body, config, set);
      if (!set) expect(await limit()).to.equal(expected);
      // Workers are told of a change; there is no answer.
      else await eventually(async () => (await limit()) === expected);
    });
  }

  it('refuses a soft limit that is not below the hard one at the call', async () => {
    const task = taskOf({ timeLimit: 10 }, () => 1);
    const { api } = await startApiAlone([task]);
    const send = async (more: object) => api.post('/v1/send_task', { name: 'work', ...more });
    const answer = await send({ soft_time_limit: 10 });
    expect(answer.status).to.equal(422);
    expect(answer.body.errors[0].path).to.equal('/soft_time_limit');
    expect((await send({ time_limit: 5, soft_time_limit: 6 })).status).to.equal(422);
    expect((await send({ time_limit: 20, soft_time_limit: 15 })).status).to.equal(202);
  });

  it('refuses such limits of a task at its definition', () => {
    const define = (softTimeLimit: number) => taskOf({ softTimeLimit, timeLimit: 5 }, () => 1);
    expect(() => define(5)).to.throw('soft time limit to be below the hard one');
    expect(() => define(4)).not.to.throw();
  });

  it('refuses such limits at run time, and changes nothing then', async () => {
    const life = await startLife();
    await startTestWorker(life.config, [taskOf({ timeLimit: 5 }, () => 1)]);
    const refused = await life.broker
      .setLimits('work', { soft_time_limit: 6, rate_limit: '1/s' })
      .catch((error: Error) => error);
    expect(refused).to.have.property('code', 'INVALID_REQUEST');
    expect(await life.redis.hgetall(life.keys.limits)).to.deep.equal({});
    await life.broker.setLimits('work', { soft_time_limit: 4 });
    await eventually(async () => (await life.redis.hlen(life.keys.limits)) === 1);
  });
});
