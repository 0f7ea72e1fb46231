/** Middleware of a task module, in a real worker: around every task, wherever that runs. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startTestApi } from '../support/api.ts';
import { runWorkerProcess } from '../support/worker.ts';

const MODULE = fileURLToPath(new URL('../fixtures/middleware.ts', import.meta.url));

describe('middleware in a worker', () => {
  it('runs on its main loop around tasks of every isolation, and may change or refuse results', async () => {
    const api = await startTestApi();
    const worker = await runWorkerProcess(api.config, ['--tasks', MODULE, '--log-level', 'warn']);
    const run = async (name: string, headers: object = {}) => {
      const { body } = await api.post('/v1/send_task?wait=20', { name, headers });
      return body;
    };
    const main = { pid: worker.child.pid, threadId: 0 };

    const inMain = await run('in_main');
    expect(inMain.result).to.deep.equal({ around: inMain.task_id, middleware: main, task: main });

    const inThread = (await run('in_thread')).result;
    expect(inThread.middleware).to.deep.equal(main);
    expect(inThread.task.pid).to.equal(main.pid);
    expect(inThread.task.threadId).to.be.greaterThan(0);

    const inProcess = (await run('in_process')).result;
    expect(inProcess.middleware).to.deep.equal(main);
    expect(inProcess.task.pid).to.not.equal(main.pid);

    expect((await run('broken', { skip: true })).result).to.equal('skipped');
    const refused = await run('in_process', { refuse: true });
    expect(refused).to.include({ state: 'FAILURE', retries: 0 });
    expect(refused.error).to.include({ type: 'TypeError', message: 'refused by the middleware' });
    const broken = await run('broken');
    expect(broken).to.include({ state: 'FAILURE', retries: 1 });
    expect(broken.error).to.include({ type: 'RangeError', message: 'broken' });
  });
});
