import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import { createRun } from '../../../worker/run.ts';
import { createRunning } from '../../../worker/running.ts';
import { runTask } from '../../../worker/steps/runTask.ts';
import { messageOf } from '../../support/broker.ts';
import { defer } from '../../support/defer.ts';
import { failureOf, ISOLATED } from '../../support/pool.ts';
import { testConfig } from '../../support/redis.ts';
import { testTools } from '../../support/tools.ts';

/** A run of a task that was lost, in a worker whose processes import `modules`. */
function lostRun(modules: readonly string[], name = 'given_in_code', config = testConfig()) {
  const here = defineTask(name, { run: () => process.pid });
  const { run, end } = createRun({
    message: messageOf('id-1', { name: here.name }),
    retries: 0,
    start: 2,
    losses: 1,
    tools: testTools(config, [here], { modules }),
    store: async () => undefined,
  });
  defer(end);
  return run;
}

describe('the step runTask', () => {
  it('runs a lost task where it always does, when the modules in another process do not have it', async () => {
    const run = lostRun([ISOLATED]);
    await runTask(run, async () => undefined);
    expect(run.value).to.equal(process.pid);
  });

  it('does so when no other process can be had', async () => {
    const run = lostRun([await moduleOf('process.exit(9)')]);
    await runTask(run, async () => undefined);
    expect(run.value).to.equal(process.pid);
  });

  for (const [runIn, isLimited] of [
    ['main', false],
    ['thread', false],
    ['process', true],
  ] as const) {
    it(`holds a lost task ${isLimited ? '' : 'not '}to the memory of a process, where it runs by itself in ${runIn}`, async () => {
      const run = lostRun([ISOLATED], 'heap', testConfig({ maxMemoryPerChild: 200, runIn }));
      await runTask(run, async () => undefined);
      const { limit } = Object(run.value);
      expect(limit < 400).to.equal(isLimited);
    });
  }

  it('does not when it was given up while it waited for one', async () => {
    const run = lostRun([await moduleOf('await new Promise(() => setInterval(() => 0, 1000))')]);
    const ended = failureOf(runTask(run, async () => undefined));
    createRunning(run).lose();
    expect((await ended).message).to.equal('Another worker has taken this task over');
    expect(run.hasBegun).to.equal(false);
  });
});

async function moduleOf(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kaje-run-'));
  defer(() => rm(folder, { recursive: true }));
  const file = join(folder, 'tasks.mjs');
  await writeFile(file, text);
  return file;
}
