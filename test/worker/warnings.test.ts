import type { StandardSchemaV1 } from '@standard-schema/spec';
import { expect } from 'chai';
import { z } from 'zod';
import { createRegistry } from '../../shared/registry.ts';
import { defineTask, type Task } from '../../shared/task.ts';
import { startWorker } from '../../worker/worker.ts';
import { defer } from '../support/defer.ts';
import { collectLog } from '../support/log.ts';
import { testConfig } from '../support/redis.ts';

const run = () => undefined;
const opaque: StandardSchemaV1<object> = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: value as object }) },
};

/** What a worker of the queues `default` and `files` warns of at its start. */
async function warningsOf(...tasks: readonly Task[]) {
  const { log, lines } = collectLog();
  const registry = createRegistry(tasks.map((task) => [task, 'the test'] as const));
  const queues = [{ name: 'default' }, { name: 'files' }];
  const worker = await startWorker({ config: testConfig(), registry, queues, log });
  defer(() => worker.stop(AbortSignal.abort()));
  return lines.filter(({ level }) => level === 40);
}

describe('a worker that starts', () => {
  it('warns once of each queue that it does not consume though it has tasks for it', async () => {
    const tasks = ['mail', 'bill'].map((name) => defineTask(name, { queue: 'mails', run }));
    const warnings = await warningsOf(...tasks, defineTask('add', { run }));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include({ tasks: 'mail, bill', queue: 'mails' });
    expect(warnings[0]?.msg).to.include('does not consume the queue');
  });

  it('warns of an input of a library that makes no JSON Schema', async () => {
    const warnings = await warningsOf(defineTask('pay', { input: opaque, run }));
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include({ task_name: 'pay' });
    expect(warnings[0]?.msg).to.include('no JSON Schema');
  });

  it('warns of nothing else', async () => {
    const add = defineTask('add', { input: z.object({ a: z.number() }), run });
    const file = defineTask('file', { queue: 'files', run });
    expect(await warningsOf(add, file)).to.deep.equal([]);
  });
});
