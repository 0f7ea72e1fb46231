import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { execute } from '../../worker/execute.ts';
import { createQuarantine } from '../../worker/quarantine.ts';
import { createRunning } from '../../worker/running.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { testRun } from '../support/run.ts';

describe('the quarantine', () => {
  it('has so many places, and gives them in the order in which they were asked for', async () => {
    const quarantine = createQuarantine(2, 30_000);
    const entered: string[] = [];
    const enter = async (name: string, isAlone = false) => {
      const leave = await quarantine.enter(isAlone);
      entered.push(name);
      return leave;
    };
    const a = await enter('a');
    const b = await enter('b');
    const alone = enter('alone', true);
    const c = enter('c');
    a?.();
    await new Promise(setImmediate);
    expect(entered).to.deep.equal(['a', 'b']);
    b?.();
    (await alone)?.();
    (await c)?.();
    expect(entered).to.deep.equal(['a', 'b', 'alone', 'c']);
  });

  it('lets as many wait as it has places, and sends the others away at once: they would fill the slots', async () => {
    const quarantine = createQuarantine(2, 30_000);
    const enter = () => quarantine.enter(false);
    const [first] = await Promise.all([enter(), enter()]);
    const [third] = [enter(), enter()];
    expect(await enter()).to.equal(undefined);
    first?.();
    expect(await third).to.be.a('function');
  });

  it('sends away who finds no place in time, and lets in those behind', async () => {
    const quarantine = createQuarantine(2, 20);
    const first = await quarantine.enter(false);
    const alone = quarantine.enter(true);
    expect(await alone).to.equal(undefined);
    const second = await quarantine.enter(false);
    expect(second).to.be.a('function');
    expect(await quarantine.enter(false)).to.equal(undefined);
    first?.();
    expect(await quarantine.enter(false)).to.be.a('function');
  });
});

describe('a lost task that finds no place in quarantine', () => {
  /** All places are taken; `wait` says whether it waits for one. */
  async function crowded(options: TaskOptions = {}, expires?: number) {
    let isRun = false;
    const task = defineTask('lost', { ...options, run: () => (isRun = true) });
    const body = expires === undefined ? {} : { expires };
    const { run } = testRun(task, { start: 2, losses: 1, message: { body } });
    const { quarantine } = run.tools;
    let waits = false;
    const enter = quarantine.enter;
    const leave = await enter(true);
    run.tools.quarantine.enter = (isAlone) => {
      waits = true;
      return enter(isAlone);
    };
    const executed = execute(run);
    defer(() => executed.catch(() => undefined));
    await eventually(() => waits);
    return { run, executed, leave: () => leave?.(), isRun: () => isRun };
  }

  it('does not begin when it was revoked while it waited', async () => {
    const { run, executed, leave, isRun } = await crowded();
    createRunning(run).revoke(false);
    leave();
    expect((await executed).kind).to.equal('revoked');
    expect(isRun()).to.equal(false);
  });

  it('does not begin when its time was over while it waited', async () => {
    const now = Date.now() + 300;
    const { run, executed, leave, isRun } = await crowded({}, now);
    await eventually(() => run.tools.clock.now() > now);
    leave();
    expect((await executed).kind).to.equal('revoked');
    expect(isRun()).to.equal(false);
  });

  it('takes no start from the others of a rate limit, nor a place of a concurrency limit', async () => {
    const { run, executed } = await crowded({ rateLimit: '1/h', maxConcurrency: 1 });
    expect(await executed).to.include({ kind: 'later', why: 'quarantine' });
    const { redis, keys } = run.tools;
    expect(await redis.exists(keys.rate('lost'), keys.running('lost'))).to.equal(0);
  });
});
