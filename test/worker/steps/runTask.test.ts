import { expect } from 'chai';
import { defineTask } from '../../../shared/task.ts';
import { createRun } from '../../../worker/run.ts';
import { runTask } from '../../../worker/steps/runTask.ts';
import { messageOf } from '../../support/broker.ts';
import { ISOLATED } from '../../support/pool.ts';
import { testConfig } from '../../support/redis.ts';
import { testTools } from '../../support/tools.ts';

describe('the step runTask', () => {
  it('runs a lost task where it always does, when the modules in another process do not have it', async () => {
    const here = defineTask('given_in_code', { run: () => process.pid });
    const { run, end } = createRun({
      message: messageOf('id-1', { name: here.name }),
      retries: 0,
      start: 2,
      losses: 1,
      tools: testTools(testConfig(), [here], { modules: [ISOLATED] }),
      store: async () => undefined,
    });
    await runTask(run, async () => undefined);
    end();
    expect(run.value).to.equal(process.pid);
  });
});
