import { expect } from 'chai';
import { WorkerLostError } from '../../../shared/taskErrors.ts';
import { PermanentError } from '../../../worker/outcome.ts';
import { eventually } from '../../support/eventually.ts';
import { gate } from '../../support/life.ts';
import { failureOf, isAlive, KINDS, runIn, sharedPool, testPool } from '../../support/pool.ts';
import { recorder } from '../../support/recorder.ts';

for (const kind of KINDS) {
  describe(`a pool, kind ${kind}`, () => {
    const pool = sharedPool(kind);

    it('runs one task after another in the same child, which stays warm', async () => {
      const first = await runIn(pool(), 'who');
      expect(first.pid === process.pid).to.equal(kind === 'thread');
      const second = await runIn(pool(), 'who');
      expect(second).to.deep.equal({ pid: first.pid, run: first.run + 1 });
    });

    it('fails a task whose input cannot be copied, and goes on with the next', async () => {
      const waiting = ['echo', 'who'].map((name) => runIn(pool(), name, { f: () => 1 }));
      for (const error of await Promise.all(waiting.map(failureOf))) {
        expect(error).to.be.instanceOf(PermanentError);
        expect(error.name).to.equal('SerializationError');
        expect(error.message).to.match(
          /^The input of ".+" cannot be copied into .*runIn: 'main'$/s,
        );
      }
      const input = { at: new Date(5), map: new Map([[1, 2n]]) };
      expect(await runIn(pool(), 'kinds', input)).to.deep.equal({ at: 'Date', map: 'Map' });
    });

    it('fails a task that its modules do not have', async () => {
      const error = await failureOf(runIn(pool(), 'nobody'));
      expect(error).to.be.instanceOf(PermanentError);
      expect(error).to.include({ name: 'NotRegistered' });
      expect(error.message).to.equal(`The modules that the ${kind} imported have no task "nobody"`);
    });

    it('takes no notice of what else comes over the channel to a child', async () => {
      expect(await runIn(pool(), 'shout')).to.equal('shouted');
      expect(await runIn(pool(), 'echo', { a: 1 })).to.deep.equal({ a: 1 });
    });

    it('replaces a child that holds too much after a run', async () => {
      const { pool, lines } = testPool(kind, { maxMemoryPerChild: 250 });
      // Little by little: during a run that takes a second, a child is looked at as well.
      const runs: number[] = [];
      for (let i = 0; i < 8; i++) runs.push((await runIn(pool, 'keep', { mb: 40 })).run);
      const firsts = runs.filter((run) => run === 1);
      expect(runs.slice(0, 2)).to.deep.equal([1, 2]);
      expect(firsts).to.have.length(2);
      const replaced = lines.filter(({ reason }) => reason === 'max_memory_per_child');
      expect(replaced).to.have.length(1);
    });

    it('gives V8 the limit, so that it collects garbage in time', async () => {
      const { pool } = testPool(kind, { maxMemoryPerChild: 150 });
      // Young objects come on top.
      expect((await runIn(pool, 'heap')).limit).to.be.within(150, 250);
    });

    it('ends what runs and what waits when it is stopped, and takes no more', async () => {
      const { pool } = testPool(kind);
      const { ctx, meta } = recorder();
      const ends = [runIn(pool, 'spin', {}, { ctx }), runIn(pool, 'who')].map(failureOf);
      const pid = Number(await eventually(() => meta('SPINNING')));
      await pool.stop();
      for (const error of await Promise.all([...ends, failureOf(runIn(pool, 'who'))])) {
        expect(error).to.be.instanceOf(WorkerLostError);
        expect(error.message).to.equal('The worker stopped before the task had ended');
      }
      expect([pool.children, pool.busy]).to.deep.equal([0, 0]);
      if (kind === 'process') expect(isAlive(pid)).to.equal(false);
      await pool.stop();
    });
  });
}

describe('a pool, whatever its kind', () => {
  const kind = 'thread';
  const pool = sharedPool(kind);

  it('does nothing at the kill of a run that has ended', async () => {
    const kill = new AbortController();
    const { run } = await runIn(pool(), 'who', {}, { kill: kill.signal });
    kill.abort(new Error('too late'));
    expect(await runIn(pool(), 'who')).to.have.property('run', run + 1);
  });

  it('takes a run that is killed while it waits out of the line', async () => {
    const { ctx, told } = recorder();
    const kill = new AbortController();
    const first = runIn(pool(), 'who', { ms: 50 });
    const second = runIn(pool(), 'hold', {}, { ctx, kill: kill.signal });
    const reason = new Error('revoked');
    kill.abort(reason);
    expect(await failureOf(second)).to.equal(reason);
    const { run } = await first;
    expect(await runIn(pool(), 'who')).to.have.property('run', run + 1);
    expect(told).to.deep.equal([]);
  });

  it('ends a child that nobody needs any more when it is ready, where none are to stay', async () => {
    const { pool } = testPool(kind, { idleMs: 100 });
    const kill = new AbortController();
    const only = runIn(pool, 'who', {}, { kill: kill.signal });
    kill.abort(new Error('revoked'));
    await failureOf(only);
    expect(pool.children).to.equal(1);
    await eventually(() => pool.children === 0);
  });

  it('runs at most so many at once, and the rest in the order in which they came', async () => {
    const { pool } = testPool(kind, { max: 2 });
    const taken: number[] = [];
    let most = 0;
    const runs = [1, 2, 3, 4, 5, 6].map(async (i) => {
      await runIn(pool, 'who', { ms: 1000 }, { started: () => taken.push(i) });
      most = Math.max(most, pool.children, pool.busy);
    });
    expect([pool.busy, pool.children]).to.deep.equal([0, 2]);
    await eventually(() => pool.busy === 2);
    await Promise.all(runs);
    expect(most).to.equal(2);
    expect(taken).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('follows a maximum that changes', async () => {
    let max = 1;
    const { pool } = testPool(kind, { max: () => max });
    await runIn(pool, 'who');
    expect(pool.children).to.equal(1);
    max = 3;
    await Promise.all([1, 2, 3].map(() => runIn(pool, 'who', { ms: 20 })));
    await eventually(() => pool.children === 3);
    max = 1;
    await runIn(pool, 'who');
    expect(pool.children).to.equal(1);
  });

  it('says when a run is taken by a child: one that waits is not', async () => {
    const { pool: one } = testPool(kind);
    const taken: string[] = [];
    const hold = recorder();
    const runs = [hold.ctx, recorder().ctx].map((ctx, i) =>
      failureOf(runIn(one, 'hold', {}, { ctx, started: () => taken.push(`run ${i}`) })),
    );
    await eventually(() => hold.meta('HOLDING'));
    expect(taken).to.deep.equal(['run 0']);
    await one.stop();
    await Promise.all(runs);
    expect(taken).to.deep.equal(['run 0']);
  });

  it('keeps a child free for a run that prepares itself, and begins it only then', async () => {
    const { pool } = testPool(kind, { max: 2 });
    await runIn(pool, 'who');
    const { open, opened } = gate();
    const steps: string[] = [];
    const prepare = () => {
      steps.push(`prepares, ${pool.idle > 0 ? 'a child is free' : 'none is free'}`);
      return opened;
    };
    const run = runIn(pool, 'who', {}, { prepare, started: () => steps.push('begins') });
    await eventually(() => steps.length > 0);
    // The others go on beside it.
    for (let i = 0; i < 2; i++) await runIn(pool, 'who');
    expect(steps).to.deep.equal(['prepares, a child is free']);
    open();
    await run;
    expect(steps).to.deep.equal(['prepares, a child is free', 'begins']);
  });

  it('prepares no run that waits for a child', async () => {
    const { pool } = testPool(kind);
    const prepared: string[] = [];
    const hold = recorder();
    const runs = [hold.ctx, recorder().ctx].map((ctx, i) =>
      failureOf(runIn(pool, 'hold', {}, { ctx, prepare: async () => void prepared.push(`${i}`) })),
    );
    expect(prepared, 'while the child starts').to.deep.equal([]);
    await eventually(() => hold.meta('HOLDING'));
    expect(prepared, 'while the child is busy').to.deep.equal(['0']);
    await pool.stop();
    await Promise.all(runs);
    expect(prepared).to.deep.equal(['0']);
  });

  it('does not begin a run that could not prepare itself, or was killed meanwhile', async () => {
    const { pool } = testPool(kind);
    const { run } = await runIn(pool, 'who');
    const started = () => expect.fail('it has begun');
    const refusal = new Error('refused');
    const refused = runIn(pool, 'who', {}, { prepare: () => Promise.reject(refusal), started });
    expect(await failureOf(refused)).to.equal(refusal);
    const { open, opened } = gate();
    const kill = new AbortController();
    const prepare = () => opened;
    const killed = runIn(pool, 'who', {}, { prepare, started, kill: kill.signal });
    const reason = new Error('revoked');
    kill.abort(reason);
    expect(await failureOf(killed)).to.equal(reason);
    open();
    expect(await runIn(pool, 'who'), 'the same child').to.have.property('run', run + 1);
  });

  it('gives a run to another child when its own is gone before it begins', async () => {
    const { pool, lines } = testPool('process');
    const { pid } = await runIn(pool, 'who');
    const { open, opened } = gate();
    let prepared = 0;
    const prepare = () => {
      prepared++;
      return opened;
    };
    const run = runIn(pool, 'who', {}, { prepare });
    await eventually(() => prepared === 1);
    process.kill(pid, 'SIGKILL');
    await eventually(() => lines.some(({ msg }) => msg === 'an idle process is gone'));
    open();
    expect((await run).pid).not.to.equal(pid);
    expect(prepared).to.equal(1);
  });

  it('starts a child before there is work, and keeps one spare', async () => {
    const { pool } = testPool(kind, { max: 5 });
    pool.start();
    expect([pool.children, pool.busy, pool.idle]).to.deep.equal([1, 0, 0]);
    await eventually(() => pool.idle === 1);
    const { ctx, meta, abort } = recorder();
    const running = failureOf(runIn(pool, 'hold', {}, { ctx }));
    await eventually(() => meta('HOLDING'));
    expect([pool.children, pool.busy]).to.deep.equal([2, 1]);
    abort(new Error('enough'));
    await running;
    expect([pool.children, pool.busy]).to.deep.equal([2, 0]);
  });

  it('replaces a child after so many runs', async () => {
    const { pool } = testPool(kind, { maxTasksPerChild: 2 });
    const runs = [];
    for (let i = 0; i < 5; i++) runs.push((await runIn(pool, 'who')).run);
    expect(runs).to.deep.equal([1, 2, 1, 2, 1]);
  });

  it('says once that its limit is below what a child needs to be there', async () => {
    const { pool, lines } = testPool('process', { maxMemoryPerChild: 40 });
    for (let i = 0; i < 2; i++) await runIn(pool, 'who').catch(() => undefined);
    const warned = lines.filter(({ msg }) => /before it runs anything: raise the limit/.test(msg));
    expect(warned).to.have.length(1);
  });
});
