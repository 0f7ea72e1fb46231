import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { failureOf, isAlive, KINDS, type Kind, runIn, testPool } from '../../support/pool.ts';
import { type Host, runHost, testHost } from '../../support/poolHost.ts';
import { recorder } from '../../support/recorder.ts';

type Loss = readonly [why: string, task: string, input: object, says: RegExp];

const ANYWHERE: readonly Loss[] = [
  ['exits with 0', 'die', { how: 'exit', code: 0 }, /is gone: exit code 0$/],
  ['exits with 3', 'die', { how: 'exit', code: 3 }, /is gone: exit code 3$/],
  [
    'throws outside of its promise',
    'die',
    { how: 'uncaught' },
    /is gone: uncaught HttpError: nobody catches this$/,
  ],
  ['throws null there', 'die', { how: 'null' }, /is gone: uncaught null$/],
  [
    'takes memory without end',
    'hoard',
    {},
    /(is gone: .*out of memory \(|was ended: it holds \d+ MB, )max_memory_per_child is 200 MB/,
  ],
];

const LOSSES: Readonly<Record<Kind, readonly Loss[]>> = {
  thread: ANYWHERE,
  process: [
    ...ANYWHERE,
    ['aborts', 'die', { how: 'abort' }, /is gone: process\.abort\(\) was called$/],
    ['is killed', 'die', { how: 'kill' }, /is gone: ended by SIGKILL$/],
    ['breaks', 'die', { how: 'segfault' }, /is gone: ended by SIGSEGV$/],
    [
      'takes Buffers without end',
      'hoard',
      { buffers: true },
      /was ended: it holds \d+ MB, max_memory_per_child is 200 MB$/,
    ],
  ],
};

for (const kind of KINDS) {
  describe(`the loss of a child, kind ${kind}`, () => {
    // What the children write as they die is not for the output of the tests.
    let host: Host;
    before(() => {
      host = runHost(kind, { max: 3, maxMemoryPerChild: 200 });
    });
    after(() => host.kill());

    for (const [why, task, input, says] of LOSSES[kind]) {
      it(`fails the task that ${why}, and no other`, async () => {
        const others = [100, 200].map((ms) => host.run('who', { ms }));
        const error = await failureOf(host.run(task, input));
        expect(error.name).to.equal('WorkerLostError');
        expect(error.message)
          .to.match(new RegExp(`^The ${kind} that ran the task`))
          .and.match(says);
        for (const other of await Promise.all(others)) expect(other).to.have.property('run');
        expect(await host.run('echo', { next: 1 })).to.deep.equal({ next: 1 });
        expect(host.output().stdout).to.equal('');
      });
    }

    it('is replaced before the next task comes', async () => {
      const { pool } = testPool(kind);
      await failureOf(runIn(pool, 'die', { how: 'exit' }));
      expect(pool.children).to.equal(1);
      expect(await runIn(pool, 'who')).to.have.property('run', 1);
    });

    it('that runs nothing is told in the log, and replaced', async () => {
      const { pool, lines } = testPool(kind);
      await runIn(pool, 'die', { how: 'later' });
      await eventually(() => lines.find(({ msg }) => msg === `an idle ${kind} is gone`));
      expect(lines.at(-1)).to.include({ reason: 'exit code 4' });
      expect(await runIn(pool, 'who')).to.have.property('run', 1);
    });
  });
}

describe('process.abort() in a thread', () => {
  it('is an error of the task, as Node has it', async () => {
    const error = await failureOf(runIn(testPool('thread').pool, 'die', { how: 'abort' }));
    expect(error).to.be.instanceOf(TypeError);
    expect(error.message).to.match(/not supported in workers/);
  });
});

describe('a child process', () => {
  it("goes on after signals that are not its parent's", async () => {
    const { pool } = testPool('process', { max: 2 });
    const { ctx, meta, abort } = recorder();
    const running = failureOf(runIn(pool, 'hold', {}, { ctx }));
    const pid = Number(await eventually(() => meta('HOLDING')));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    // Time for them to arrive, which another task says nothing of.
    await runIn(pool, 'who', { ms: 100 });
    abort(new Error('by the parent'));
    expect((await running).cause).to.have.property('message', 'by the parent');
    expect(isAlive(pid)).to.equal(true);
  });

  it('that listens ends in order when it is killed', async () => {
    const { pool } = testPool('process');
    const file = join(tmpdir(), `kaje-goodbye-${process.pid}`);
    defer(() => rm(file, { force: true }));
    const { ctx, meta } = recorder();
    const kill = new AbortController();
    const running = runIn(pool, 'goodbye', { file }, { ctx, kill: kill.signal });
    await eventually(() => meta('HOLDING'));
    kill.abort(new Error('enough'));
    await failureOf(running);
    await eventually(() => existsSync(file));
  });

  for (const task of ['hold', 'spin', 'who']) {
    it(`ends when its parent is gone, whatever it does: ${task}`, async () => {
      const host = testHost('process', { max: 1 });
      const { pid } = await host.run('who');
      defer(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
      if (task !== 'who') {
        void host.run(task).catch(() => undefined);
        expect(await host.meta(task === 'hold' ? 'HOLDING' : 'SPINNING')).to.equal(pid);
      }
      host.child.kill('SIGKILL');
      await eventually(() => !isAlive(pid));
    });
  }

  it('writes to the outputs of its parent', async () => {
    const host = testHost('process', { max: 1 });
    await host.run('print', { text: 'from the task' });
    expect(host.output()).to.deep.equal({ stdout: 'from the task\n', stderr: 'from the task\n' });
  });
});
