/** An error that a task leaves behind, in a timer say, ends its worker, and so does process.exit(). */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { sendAll } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { ARGS, good, pill, runsOf } from '../support/poison.ts';
import { runWorkerProcess } from '../support/worker.ts';

describe('a worker that is ended by a task', () => {
  it('says so of an error that nobody caught, in its log and in the format of that, with the tasks that ran', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ARGS);
    const [id] = await eventually(() => sendAll(api, [pill('timer')]));
    expect(await worker.ended).to.equal(1);
    const lines = worker.output().trim().split('\n');
    const { level, err, tasks } = JSON.parse(lines.at(-1) ?? '');
    expect({ level, message: err.message, tasks }).to.deep.equal({
      level: 60,
      message: 'in a timer',
      tasks: [`poison ${id}`],
    });
    expect(err.stack).to.include('poison.js');
  });

  it('tells of process.exit() as well, which leaves no error', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ARGS);
    const [id] = await eventually(() => sendAll(api, [pill('exit')]));
    await worker.ended;
    const { level, msg, tasks } = JSON.parse(worker.output().trim().split('\n').at(-1) ?? '');
    expect({ level, msg, tasks }).to.deep.equal({
      level: 60,
      msg: 'process.exit() ends the process',
      tasks: [`poison ${id}`],
    });
  });

  it('says nothing of the kind when it is stopped', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, [...ARGS, '--grace', '0']);
    const [id = ''] = await eventually(() => sendAll(api, [good(60_000)]));
    await eventually(async () => (await runsOf(api, 'good')).has(id));
    worker.child.kill('SIGTERM');
    expect(await worker.ended).to.equal(0);
    expect(worker.output()).to.not.include('ends the process');
  });
});
