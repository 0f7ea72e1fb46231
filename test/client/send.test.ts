import { expect } from 'chai';
import { InvalidRequestError } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import { errorOf, overBothTransports } from './connect.ts';

describe('sending', () => {
  overBothTransports((connect) => {
    it('resolves with the id once the task is stored, and the result follows', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 2, b: 3 });
      expect(result.id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
      expect(await result.get({ timeout: 10 })).to.equal(5);
    });

    it('sends a double beyond 2^53 as it is', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 2 ** 60, b: 0 });
      expect(await result.get({ timeout: 10 })).to.equal(2 ** 60);
    });

    it('sends many in one call, with the results in the order of the calls', async () => {
      const { kaje } = await connect();
      const calls = Array.from({ length: 250 }, (_, i) => ({
        name: 'add' as const,
        input: { a: i, b: 0 },
        options: { taskId: `many-${i}` },
      }));
      const results = await kaje.sendTasks(calls);
      expect(results.map(({ id }) => id)).to.deep.equal(calls.map((each) => each.options.taskId));
      const values = await Promise.all(results.map((each) => each.get({ timeout: 10 })));
      expect(values).to.deep.equal(calls.map((_, i) => i));
    });

    it('sends none of many when one of them is wrong, and says which', async () => {
      const { kaje } = await connect();
      const right = { name: 'add', input: { a: 1, b: 1 }, options: { taskId: 'right' } } as const;
      const wrong = { name: 'add', input: { a: 1, b: 'x' } } as never;
      const error = await errorOf(kaje.sendTasks([right, wrong]));
      expect(error).to.be.instanceOf(InvalidRequestError);
      expect((error as InvalidRequestError).errors.map(({ path }) => path)).to.deep.equal([
        '/tasks/1/kwargs/b',
      ]);
      expect(await errorOf(kaje.asyncResult('right').info)).to.include({ code: 'TASK_NOT_FOUND' });
    });

    it('refuses what a call cannot say, by its name and place', async () => {
      const { kaje } = await connect();
      const call = { name: 'add', kwargs: { a: 1, b: 1 } } as never;
      const error = await errorOf(kaje.sendTasks([call]));
      expect(error).to.be.instanceOf(InvalidRequestError);
      expect((error as Error).message).to.contain('/tasks/0/kwargs: unknown property of a call');
      const mistyped = { priorty: 9 } as never;
      const other = await errorOf(kaje.sendTask('add', { a: 1, b: 1 }, mistyped));
      expect((other as Error).message).to.contain('did you mean "priority"?');
    });

    it('says of a client that is closed that it is', async () => {
      const { kaje } = await connect();
      await kaje.close();
      const error = await errorOf(kaje.sendTask('add', { a: 1, b: 1 }));
      expect(error).to.include({ code: 'CLIENT_CLOSED' });
    });

    it('takes no calls for an answer of no results', async () => {
      const { kaje } = await connect();
      expect(await kaje.sendTasks([])).to.deep.equal([]);
    });

    it('refuses more than 10,000 at once before it sends any', async () => {
      const { kaje } = await connect();
      const call = { name: 'add', input: { a: 1, b: 1 } } as const;
      const error = await errorOf(kaje.sendTasks(Array(10_001).fill(call)));
      expect(error).to.be.instanceOf(InvalidRequestError);
      expect((error as Error).message).to.match(/10,?000/);
    });

    it('binds positional arguments to the input in its order', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { b: 3 } as never, { args: [4] });
      expect(await result.get({ timeout: 10 })).to.equal(7);
    });

    it('hands headers, tags and the queue of the call to the task', async () => {
      const { kaje } = await connect();
      const options = { queue: 'other', headers: { trace: { id: 7 } }, tags: ['nightly', 'ü'] };
      const seen = await (await kaje.sendTask('mirror', {}, options)).get({ timeout: 10 });
      expect(seen).to.deep.include(options);
    });

    it('answers the task that is there when the same request comes again under its id', async () => {
      const { kaje } = await connect();
      const send = () => kaje.sendTask('add', { a: 1, b: 2 }, { taskId: 'once' });
      const [first, second] = [await send(), await send()];
      expect([first.id, second.id]).to.deep.equal(['once', 'once']);
      await first.get({ timeout: 10 });
      expect((await (await send()).info).state).to.equal('SUCCESS');
    });

    it('runs no task before its countdown or its eta', async () => {
      const { kaje } = await connect();
      const due = new Date(Date.now() + 700);
      const results = [
        await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 0.7 }),
        await kaje.sendTask('add', { a: 1, b: 2 }, { eta: due }),
      ];
      for (const each of results) expect((await each.info).state).to.equal('PENDING');
      for (const each of results) {
        await each.get({ timeout: 10 });
        const { started_at: startedAt, eta } = await each.info;
        expect(Date.parse(`${eta}`)).to.be.closeTo(due.getTime(), 500);
        expect(Date.parse(`${startedAt}`)).to.be.at.least(Date.parse(`${eta}`));
      }
    });

    it('retries as often as the call says, over what the task says', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('refuse', {}, { maxRetries: 2 });
      await result.get({ timeout: 10, propagate: false });
      expect(await result.retries).to.equal(2);
      expect((await result.info).max_retries).to.equal(2);
    });

    it('keeps the state but not the value of a result that is ignored', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { ignoreResult: true });
      expect(await result.get({ timeout: 10 })).to.equal(null);
      expect(await result.state).to.equal('SUCCESS');
    });

    it('keeps a result as long as the call says', async () => {
      const { kaje } = await connect();
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, { resultExpires: 0.6 });
      expect(await result.get({ timeout: 10 })).to.equal(3);
      await eventually(async () => {
        expect(await errorOf(result.info)).to.include({ code: 'TASK_NOT_FOUND' });
        return true;
      });
    });

    it('leaves out an option that is undefined', async () => {
      const { kaje } = await connect();
      const options = { queue: undefined, countdown: undefined } as never;
      const result = await kaje.sendTask('add', { a: 1, b: 2 }, options);
      expect(await result.get({ timeout: 10 })).to.equal(3);
    });
  });
});
