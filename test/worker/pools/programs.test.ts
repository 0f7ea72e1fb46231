/** Programs that tasks start: they end with the thread or process that started them, as far as that can be. */
import { expect } from 'chai';
import { TimeLimitExceeded } from '../../../shared/taskErrors.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf, isAlive, KINDS, type Kind, runIn, testPool } from '../../support/pool.ts';
import { testHost } from '../../support/poolHost.ts';
import { recorder } from '../../support/recorder.ts';

/** A run that has started its program: the pid of that, and what ends the run. */
async function started(kind: Kind, input: object, options: object = {}) {
  const { pool } = testPool(kind, options);
  const { ctx, meta } = recorder();
  const kill = new AbortController();
  const run = runIn(pool, 'program', input, { ctx, kill: kill.signal });
  const failure = failureOf(run).catch(() => undefined);
  const pid = Number(await eventually(() => meta('RUNNING'), 30_000));
  defer(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
  return { pool, pid, run, failure, kill: () => kill.abort(new TimeLimitExceeded(1)) };
}

const gone = (pid: number) => eventually(() => !isAlive(pid));

for (const kind of KINDS) {
  describe(`a program that a task has started in a ${kind}, with its signal`, () => {
    it('ends when the run is killed', async () => {
      const { pid, failure, kill } = await started(kind, { isGivenSignal: true });
      expect(isAlive(pid)).to.equal(true);
      kill();
      expect(await failure).to.be.instanceOf(TimeLimitExceeded);
      await gone(pid);
    });

    it('has ended once the pool has stopped', async () => {
      const { pool, pid } = await started(kind, { isGivenSignal: true });
      await pool.stop();
      await gone(pid);
    });
  });
}

describe('a program that a task has started in a process, without its signal', () => {
  it('ends when the run is killed', async () => {
    const { pid, kill } = await started('process', {});
    kill();
    await gone(pid);
  });

  it('has ended once the pool has stopped', async () => {
    const { pool, pid } = await started('process', {});
    await pool.stop();
    expect(isAlive(pid)).to.equal(false);
  });

  it('ends when the process dies by itself', async () => {
    const { pid, failure } = await started('process', { ending: 'die' });
    expect((await failure).message).to.match(/exit code 3/);
    await gone(pid);
  });

  it('ends with a process that is replaced after its runs', async () => {
    const { pid, run } = await started('process', { ending: 'end' }, { maxTasksPerChild: 1 });
    expect(await run).to.equal(pid);
    await gone(pid);
  });

  for (const isGivenSignal of [false, true]) {
    it(`ends when the worker is killed, ${isGivenSignal ? 'with' : 'without'} the signal`, async () => {
      const host = testHost('process');
      host.run('program', { isGivenSignal }).catch(() => undefined);
      const pid = Number(await host.meta('RUNNING'));
      defer(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
      await host.kill();
      await gone(pid);
    });
  }
});
