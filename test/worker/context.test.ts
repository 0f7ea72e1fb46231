import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testRun } from '../support/run.ts';

const task = defineTask('work', { run: () => 1 });

describe('the context of a task', () => {
  it('tells what the sender said, and defaults for the rest', () => {
    const body = { args: [1], kwargs: { a: 2 }, eta: 5000, tags: ['t'], headers: { h: 1 } };
    const { ctx } = testRun(task, { retries: 2, message: { body, queue: 'slow' } }).run;
    expect(ctx).to.deep.include({ ...body, eta: new Date(5000), id: 'id-1', queue: 'slow' });
    expect(ctx).to.include({ retries: 2, parentId: null, rootId: 'id-1', worker: 'w1' });
    const bare = testRun(task, { message: { body: {} } }).run.ctx;
    expect(bare).to.deep.include({ args: [], kwargs: {}, tags: [], headers: {}, eta: null });
  });

  it('stores the first progress at once', async () => {
    const { run, stored } = testRun(task);
    await run.ctx.progress({ done: 1 });
    expect(stored).to.deep.equal([{ state: 'PROGRESS', meta: { done: 1 }, start: 1, report: 1 }]);
  });

  it('stores of many reports in a row a few, the last among them', async () => {
    const { run, stored } = testRun(task);
    for (let done = 1; done <= 1000; done++) await run.ctx.progress({ done });
    await eventually(() => stored.at(-1)?.report === 1000);
    expect(stored.at(-1)?.meta).to.deep.equal({ done: 1000 });
    expect(stored.length).to.be.lessThan(50);
  });

  it('begins no second store while one waits for Redis, and then stores the latest', async () => {
    let letGo: () => void = () => undefined;
    const answer = new Promise<void>((resolve) => (letGo = resolve));
    const { run, stored } = testRun(task, { store: () => answer });
    // Longer than the pause between two reports.
    const until = performance.now() + 250;
    let done = 0;
    while (performance.now() < until) await run.ctx.progress({ done: ++done });
    expect(stored.map(({ meta }) => meta)).to.deep.equal([{ done: 1 }]);
    letGo();
    await eventually(() => stored.length === 2);
    expect(stored.at(-1)?.meta).to.deep.equal({ done });
  });

  it('goes on storing after a store that failed', async () => {
    const { run, stored } = testRun(task, { store: () => Promise.reject(new Error('away')) });
    for (let done = 1; done <= 2; done++) await run.ctx.progress({ done });
    await eventually(() => stored.length === 2);
    expect(stored.at(-1)?.meta).to.deep.equal({ done: 2 });
  });

  it('lets other work of the process go on at each report', async () => {
    const { run } = testRun(task);
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    for (let done = 0; turns < 3 && done < 100_000; done++) await run.ctx.progress(done);
    clearInterval(timer);
    expect(turns).to.equal(3);
  });

  it('stores nothing after the end of the run', async () => {
    const { run, stored, end } = testRun(task);
    await run.ctx.progress(1);
    await run.ctx.progress(2);
    end();
    await run.ctx.progress(3);
    // Longer than the pause between two reports.
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(stored.map(({ meta }) => meta)).to.deep.equal([1]);
  });

  it("stores a state of the task's own, also without more to say", async () => {
    const { run, stored } = testRun(task);
    await run.ctx.updateState('UPLOADING');
    expect(stored[0]).to.include({ state: 'UPLOADING', meta: null });
  });

  for (const state of ['SUCCESS', 'RETRY', 'uploading', '', 'UP LOADING']) {
    it(`refuses "${state}" as a state of the task's own`, async () => {
      const { run, stored } = testRun(task);
      const error = await run.ctx.updateState(state).catch((reason: unknown) => reason);
      expect(error)
        .to.be.instanceOf(TypeError)
        .and.have.property('message')
        .that.includes(`got "${state}"`);
      expect(stored).to.deep.equal([]);
    });
  }

  it('takes progress of 64 KiB and refuses more', async () => {
    const { run } = testRun(task);
    await run.ctx.progress('x'.repeat(64 * 1024 - 2));
    const tooMuch = await run.ctx.progress('x'.repeat(64 * 1024 - 1)).catch((reason) => reason);
    expect(tooMuch).to.be.instanceOf(RangeError);
    expect(tooMuch.message).to.include('at most 65536 bytes of JSON, got 65537');
  });

  for (const [what, meta] of [
    ['a bigint', 10n],
    ['a Map', { seen: new Map() }],
    ['NaN', [Number.NaN]],
  ] as const) {
    it(`refuses progress that JSON cannot hold by its promise: ${what}`, async () => {
      const { run, stored } = testRun(task);
      const reporting = run.ctx.progress(meta);
      const error = await reporting.catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(TypeError);
      expect(String(error)).to.include(`is ${what}, which JSON cannot hold`);
      expect(stored).to.deep.equal([]);
    });
  }

  it('does not end the process by a refusal that nobody waits for', async () => {
    const { run } = testRun(task);
    const rejections: unknown[] = [];
    const listen = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', listen);
    defer(() => process.off('unhandledRejection', listen));
    void run.ctx.progress(10n);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(rejections).to.deep.equal([]);
  });
});
