/** An error that a task leaves behind, in a timer say, ends its worker. */
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { sendAll } from '../support/batches.ts';
import { eventually } from '../support/eventually.ts';
import { ARGS, pill } from '../support/poison.ts';
import { runWorkerProcess } from '../support/worker.ts';

describe('a worker that is ended by an error which nobody caught', () => {
  it('says so in its log and in the format of that, with the tasks that ran', async () => {
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
});
