/** `ctx.retry`: a task that asks to be run again. */
import { expect } from 'chai';
import type { RetryOptions } from '../../shared/retry.ts';
import { defineTask, type TaskContext } from '../../shared/task.ts';
import type { RetryRequestOptions } from '../../shared/taskErrors.ts';
import { startLife } from '../support/life.ts';
import { startTestWorker } from '../support/worker.ts';

class HttpError extends Error {}

const quick: RetryOptions = { max: 3, delay: 0.01, jitter: false };

/** A task that asks for another run as long as `isAgain` says so, and tells how often it was retried. */
function askingTask(request: RetryRequestOptions | undefined, retry?: RetryOptions, times = 100) {
  const seen: TaskContext[] = [];
  const task = defineTask('asks', {
    ...(retry ? { retry } : {}),
    run(_: object, ctx) {
      seen.push(ctx);
      if (ctx.retries < times) ctx.retry(request);
      return ctx.retries;
    },
  });
  return { task, seen };
}

async function endOf(asking: ReturnType<typeof askingTask>, body: object = {}) {
  const life = await startLife();
  await startTestWorker(life.config, [asking.task]);
  await life.send('asks', ['a'], body);
  return life.end('a');
}

describe('a task that asks for a retry', () => {
  it('runs again under its id until it asks no more', async () => {
    const asking = askingTask({ countdown: 0.01 }, quick, 2);
    expect(await endOf(asking)).to.include({ state: 'SUCCESS', result: 2, retries: 2 });
    expect(asking.seen.map(({ id, retries }) => [id, retries])).to.deep.equal([
      ['a', 0],
      ['a', 1],
      ['a', 2],
    ]);
  });

  it('is RETRY, with the time of the next run and the error, until then', async () => {
    const life = await startLife();
    const error = new HttpError('502');
    await startTestWorker(life.config, [askingTask({ countdown: 60, error }, quick).task]);
    await life.send('asks', ['a']);
    const result = await life.becomes('a', 'RETRY');
    expect(Date.parse(result.eta ?? '') - Date.now()).to.be.within(50_000, 60_000);
    expect(result).to.include({ ready: false, retries: 1, worker: null });
    expect(result.error).to.include({ type: 'HttpError', message: '502' });
  });

  it('says itself why, where it gives no error', async () => {
    const life = await startLife();
    await startTestWorker(life.config, [askingTask({ countdown: 60 }, quick).task]);
    await life.send('asks', ['a']);
    const { error } = await life.becomes('a', 'RETRY');
    expect(error).to.include({ type: 'Retry', message: 'The task asked to be run again' });
  });

  it('waits as its policy says, where it gives no countdown', async () => {
    const life = await startLife();
    const policy = { max: 3, delay: 100, jitter: false };
    await startTestWorker(life.config, [askingTask(undefined, policy).task]);
    await life.send('asks', ['a']);
    const { eta } = await life.becomes('a', 'RETRY');
    expect(Date.parse(eta ?? '') - Date.now()).to.be.within(90_000, 100_000);
  });

  it('fails with MaxRetriesExceededError when no retry is left', async () => {
    const asking = askingTask({ countdown: 0.01 }, quick);
    const result = await endOf(asking);
    expect(result).to.include({ state: 'FAILURE', retries: 3 });
    expect(result.error).to.include({ type: 'MaxRetriesExceededError' });
    expect(result.error?.message).to.contain('3 of at most 3');
    expect(asking.seen).to.have.length(4);
  });

  it('fails with its own error when no retry is left and it gave one', async () => {
    const error = new HttpError('502');
    const result = await endOf(askingTask({ countdown: 0.01, error }, quick));
    expect(result.error).to.include({ type: 'HttpError', message: '502' });
    expect(result.error?.traceback).to.match(/^HttpError: 502\n {4}at /);
  });

  const bounds: readonly [
    why: string,
    policy: RetryOptions | undefined,
    call: object,
    own: number | undefined,
    retries: number,
  ][] = [
    ["the call's number over the task's", quick, { max_retries: 1 }, undefined, 1],
    ["the call's 0", quick, { max_retries: 0 }, undefined, 0],
    ['its own number for this decision over both', quick, { max_retries: 1 }, 2, 2],
    ["Celery's three without a policy and without a number", undefined, {}, undefined, 3],
    ["the call's 0 without a policy", undefined, { max_retries: 0 }, undefined, 0],
    ['its own number without a policy', undefined, {}, 2, 2],
  ];
  for (const [why, policy, call, maxRetries, retries] of bounds) {
    it(`goes by ${why}`, async () => {
      const own = maxRetries === undefined ? {} : { maxRetries };
      const result = await endOf(askingTask({ countdown: 0.01, ...own }, policy), call);
      expect(result).to.include({ state: 'FAILURE', retries });
    });
  }

  it('asks no list of error classes', async () => {
    const error = new HttpError('502');
    const strict = { ...quick, max: 1, on: [TypeError], except: [HttpError] };
    const result = await endOf(askingTask({ countdown: 0.01, error }, strict));
    expect(result).to.include({ state: 'FAILURE', retries: 1 });
  });

  it('keeps its id, queue, priority, headers, tags, expiry and arguments', async () => {
    const asking = askingTask({ countdown: 0.01 }, quick, 1);
    const expires = Date.now() + 3_600_000;
    const body = {
      args: [1],
      kwargs: { a: 2 },
      priority: 8,
      headers: { h: 1 },
      tags: ['t'],
      expires,
      max_retries: 7,
    };
    const life = await startLife();
    await startTestWorker(life.config, [asking.task], [{ name: 'slow' }]);
    await life.broker.add([{ id: 'a', name: 'asks', queue: 'slow', sentAt: Date.now(), body }]);
    const result = await life.end('a');
    const { args, kwargs, priority, headers, tags } = body;
    const same = { queue: 'slow', args, kwargs, priority, headers, tags };
    const iso = new Date(expires).toISOString();
    expect(result).to.deep.include({ ...same, state: 'SUCCESS', max_retries: 7, expires: iso });
    for (const ctx of asking.seen) {
      expect(ctx).to.deep.include({ id: 'a', ...same, maxRetries: 7, expires: new Date(expires) });
    }
  });

  it('counts a request and a failure alike', async () => {
    const life = await startLife();
    const mixed = defineTask('mixed', {
      retry: quick,
      run(_: object, ctx) {
        if (ctx.retries === 0) ctx.retry({ countdown: 0.01 });
        if (ctx.retries === 1) throw new HttpError('502');
        return ctx.retries;
      },
    });
    await startTestWorker(life.config, [mixed]);
    await life.send('mixed', ['a']);
    expect(await life.end('a')).to.include({ state: 'SUCCESS', result: 2, retries: 2 });
    const attempts = await life.broker.attempts('a');
    expect(attempts.map(({ error }) => error.type)).to.deep.equal(['Retry', 'HttpError']);
  });

  it('runs again soon for a countdown of 0 or below', async () => {
    expect(await endOf(askingTask({ countdown: 0 }, quick, 1))).to.include({ result: 1 });
    expect(await endOf(askingTask({ countdown: -5 }, quick, 1))).to.include({ result: 1 });
  });

  it('fails, for everybody to see, where it gives no time that there is', async () => {
    const life = await startLife();
    await life.redis.set(life.keys.eventsWanted, '1', 'PX', 60_000);
    const { task, seen } = askingTask({ countdown: Number.NaN, error: new HttpError('502') });
    await startTestWorker(life.config, [task]);
    await life.send('asks', ['a']);
    const { state, retries, error } = await life.end('a');
    expect({ state, retries, type: error?.type }).to.deep.equal({
      state: 'FAILURE',
      retries: 0,
      type: 'RangeError',
    });
    expect(error?.message).to.contain('got NaN');
    expect(error?.traceback).to.contain('Caused by HttpError: 502');
    expect(seen).to.have.length(1);
  });

  it('may be thrown as Celery writes it, and from a function of its own', async () => {
    const life = await startLife();
    const throws = defineTask('throws', {
      retry: quick,
      async run(_: object, ctx) {
        const deep = () => {
          throw ctx.retry({ countdown: 0.01 });
        };
        if (ctx.retries === 0) await Promise.resolve().then(deep);
        return ctx.retries;
      },
    });
    await startTestWorker(life.config, [throws]);
    await life.send('throws', ['a']);
    expect(await life.end('a')).to.include({ result: 1 });
  });
});
