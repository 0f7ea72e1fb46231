import { expect } from 'chai';
import { ResultTimeoutError, TaskFailedError, TaskNotFoundError } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { type Client, errorOf, overBothTransports } from './connect.ts';

describe('get()', () => {
  overBothTransports((connect) => {
    it('waits for the result, longer than it takes to look once', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 1300 });
      expect(await result.get({ timeout: 10 })).to.equal('done');
    });

    it('answers a hundred waits of one client', async () => {
      const { kaje } = await connect();
      const calls = Array.from({ length: 100 }, (_, i) => ({
        name: 'add' as const,
        input: { a: i, b: 1 },
        options: { countdown: 0.2 },
      }));
      const results = await kaje.sendTasks(calls);
      const values = await Promise.all(results.map((each) => each.get({ timeout: 10 })));
      expect(values).to.deep.equal(calls.map((_, i) => i + 1));
    });

    it('gives up after its timeout while the task goes on', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 800 });
      const error = await errorOf(result.get({ timeout: 0.1 }));
      expect(error).to.be.instanceOf(ResultTimeoutError);
      expect((error as Error).message).to.match(
        /^Task "\S+" was not ready within 0.1 s, it is [A-Z]/,
      );
      expect(await result.get({ timeout: 10 })).to.equal('done');
    });

    it('looks once with a timeout of 0', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 1 }, { countdown: 60 });
      const error = await errorOf(result.get({ timeout: 0 }));
      expect(error).to.be.instanceOf(ResultTimeoutError);
      expect((error as Error).message).to.match(/0 s, it is PENDING; kaje doctor shows whether/);
      const done = await kaje.sendTask('add', { a: 1, b: 1 });
      await done.get({ timeout: 10 });
      expect(await done.get({ timeout: 0 })).to.equal(2);
    });

    it('ends with the reason of a signal that is aborted, and the task goes on', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 600 });
      await begun(kaje, result.id);
      const abort = new AbortController();
      const waiting = errorOf(result.get({ signal: abort.signal }));
      const reason = new Error('the user has left');
      setTimeout(() => abort.abort(reason), 100);
      expect(await waiting).to.equal(reason);
      expect(await result.get({ timeout: 10 })).to.equal('done');
    });

    it('does not begin to wait with a signal that was aborted before', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('long', { ms: 50 });
      const reason = new Error('too late');
      expect(await errorOf(result.get({ signal: AbortSignal.abort(reason) }))).to.equal(reason);
    });

    it('throws the error of a task that failed, as the task has raised it', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('refuse', { message: 'no money' });
      const error = await errorOf(result.get({ timeout: 10 }));
      expect(error).to.be.instanceOf(TaskFailedError);
      expect(error).to.include({
        name: 'PaymentRefused',
        type: 'PaymentRefused',
        message: 'no money',
        code: 'TASK_FAILED',
        taskId: result.id,
      });
      const { traceback } = error as TaskFailedError;
      expect(traceback).to.match(/^PaymentRefused: no money\n\s+at .*test\/client\/tasks\.ts:\d+/);
    });

    it('returns that error when it is not to propagate', async () => {
      const { kaje } = await connect();
      const failed = await kaje.sendTask('refuse', {});
      expect(await failed.get({ timeout: 10, propagate: false })).to.be.instanceOf(TaskFailedError);
      const done = await kaje.sendTask('add', { a: 1, b: 1 });
      expect(await done.get({ timeout: 10, propagate: false })).to.equal(2);
    });

    it('throws for an id that is unknown, and for one that is forgotten', async () => {
      const { kaje } = await connect();
      const never = kaje.asyncResult('never-sent');
      expect(await errorOf(never.get({ timeout: 10 }))).to.be.instanceOf(TaskNotFoundError);
      const result = await kaje.sendTask('add', { a: 1, b: 1 });
      await result.get({ timeout: 10 });
      await result.forget();
      expect(await errorOf(result.get({ timeout: 10 }))).to.be.instanceOf(TaskNotFoundError);
    });
  });
});

function begun(kaje: Client, id: string): Promise<unknown> {
  return eventually(async () => (await kaje.asyncResult(id).state) === 'PROGRESS');
}
