import { expect } from 'chai';
import { z } from 'zod';
import { defineTask, type Task } from '../../shared/task.ts';
import type { TaskOptions } from '../../shared/taskOptions.ts';
import { execute } from '../../worker/execute.ts';
import { PermanentError } from '../../worker/outcome.ts';
import { type RunOptions, testRun } from '../support/run.ts';

class HttpError extends Error {}

const retry = { max: 5, delay: 2, jitter: false };

/** A task that returns what `run` returns, with retries unless told otherwise. */
const taskOf = (run: () => unknown, options: TaskOptions = { retry }) =>
  defineTask('work', { ...options, run });

const outcomeOf = (task: Task, options: RunOptions = {}) => execute(testRun(task, options).run);

const throwing = (thrown: unknown, options: TaskOptions = {}) =>
  taskOf(() => {
    throw thrown;
  }, options);

async function errorOf(task: Task, options: RunOptions = {}) {
  const outcome = await outcomeOf(task, options);
  expect(outcome.kind).to.equal('failure');
  if (outcome.kind !== 'failure') throw new Error('not reached');
  return outcome.error;
}

describe('the execution of a task', () => {
  const circular: { self?: unknown } = {};
  circular.self = circular;

  const values: readonly [why: string, value: unknown, stored: unknown][] = [
    ['an object', { a: [1] }, { a: [1] }],
    ['0', 0, 0],
    ['false', false, false],
    ['an empty text', '', ''],
    ['null', null, null],
    ['nothing', undefined, null],
    ['a promise of a value', Promise.resolve(7), 7],
  ];
  for (const [why, value, stored] of values) {
    it(`succeeds with ${why}`, async () => {
      expect(await outcomeOf(taskOf(() => value))).to.deep.equal({
        kind: 'success',
        json: JSON.stringify(stored),
      });
    });
  }

  it('keeps no value of which nobody wants to know, not even one that is no JSON', async () => {
    const success = { kind: 'success', json: 'null' };
    const byTask = taskOf(() => 10n, { ignoreResult: true });
    expect(await outcomeOf(byTask)).to.deep.equal(success);
    const byCall = { message: { body: { ignore_result: true } } };
    expect(
      await outcomeOf(
        taskOf(() => 7),
        byCall,
      ),
    ).to.deep.equal(success);
    const notByCall = { message: { body: { ignore_result: false } } };
    const kept = await outcomeOf(
      taskOf(() => 7, { ignoreResult: true }),
      notByCall,
    );
    expect(kept).to.deep.equal({ kind: 'success', json: '7' });
  });

  const unstorable: readonly [why: string, value: unknown, says: string][] = [
    ['a bigint', 10n, 'it is a bigint'],
    ['an object with a bigint', { a: 10n }, '/a is a bigint'],
    ['a Map', new Map([['a', 1]]), 'it is a Map'],
    ['NaN in a list', [1, Number.NaN], '/1 is NaN'],
    ['an Error', { error: new Error('no') }, '/error is an Error'],
    ['a circle', circular, 'circular'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('a'), 'a symbol'],
    ['more than fits', 'x'.repeat(1023), 'at most 1024 bytes of JSON, got 1025'],
    ['more bytes than letters', 'é'.repeat(600), 'got 1202'],
  ];
  for (const [why, value, says] of unstorable) {
    it(`fails without a retry at the result ${why}`, async () => {
      const error = await errorOf(taskOf(() => value));
      expect(error.type).to.equal('SerializationError');
      expect(error.message).to.contain(says);
    });
  }

  it('takes a result that just fits', async () => {
    const value = 'x'.repeat(1022);
    expect(await outcomeOf(taskOf(() => value))).to.deep.equal({
      kind: 'success',
      json: `"${value}"`,
    });
  });

  const thrown: readonly [why: string, thrown: unknown, type: string, message: string][] = [
    ['an Error', new Error('no'), 'Error', 'no'],
    ['a class of its own', new HttpError('502'), 'HttpError', '502'],
    ['a name of its own', Object.assign(new Error('x'), { name: 'Refused' }), 'Refused', 'x'],
    ['a name that is none', Object.assign(new Error('x'), { name: 'not a name' }), 'Error', 'x'],
    ['a message that is no text', Object.assign(new Error(), { message: { a: 1 } }), 'Error', ''],
    ['a text', 'oops', 'Error', 'oops'],
    ['an object', { code: 7 }, 'Error', '{"code":7}'],
    ['a circle', circular, 'Error', '[object Object]'],
    ['undefined', undefined, 'Error', 'undefined'],
    ['null', null, 'Error', 'null'],
  ];
  for (const [why, what, type, message] of thrown) {
    it(`fails with type, message and traceback of ${why}`, async () => {
      const error = await errorOf(throwing(what));
      expect(error.type).to.equal(type);
      expect(error.message).to.contain(message);
      expect(error.traceback.startsWith(`${type}: ${error.message}`)).to.equal(true);
    });
  }

  it('shows where the error was thrown and what caused it', async () => {
    const cause = new HttpError('502', { cause: new TypeError('socket') });
    const { traceback } = await errorOf(throwing(new Error('no page', { cause })));
    expect(traceback).to.match(/^Error: no page\n {4}at .*execute\.test\.ts/);
    expect(traceback).to.match(
      /\nCaused by HttpError: 502\n {4}at [\s\S]*\nCaused by TypeError: socket\n/,
    );
  });

  it("shows the task's own frames and none of those that run it, also of causes", async () => {
    const load = () => {
      throw new HttpError('502');
    };
    const run = async () => {
      await Promise.resolve();
      try {
        load();
      } catch (cause) {
        throw new Error('no page', { cause });
      }
    };
    const { traceback } = await errorOf(taskOf(run, {}));
    const frames = traceback.split('\n').filter((line) => line.startsWith('    at '));
    const of = (name: string) => frames.filter((frame) => frame.includes(`${name} (`));
    expect([of('load').length, of('run').length]).to.deep.equal([1, 2]);
    // Node's own may stand between: they say where the task waited.
    for (const frame of frames) expect(frame).to.match(/execute\.test\.ts:|\(node:internal/);
  });

  it('ends a circle of causes', async () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    expect((await errorOf(throwing(error))).traceback.match(/Caused by/g)).to.have.length(1);
  });

  it('bounds what is stored of an error', async () => {
    const error = await errorOf(throwing(new Error('x'.repeat(1e6))));
    expect(error.message.length).to.be.lessThan(10_000);
    expect(error.traceback.length).to.be.lessThan(20_000);
    expect(error.message).to.contain('(1000000 characters)');
  });

  it('fails just so when the task is async', async () => {
    const task = taskOf(async () => Promise.reject(new HttpError('late')), {});
    expect(await errorOf(task)).to.include({ type: 'HttpError', message: 'late' });
  });

  describe('with a retry policy', () => {
    it('asks for a retry whose delay grows, and keeps the error', async () => {
      const second = await outcomeOf(throwing(new HttpError('502'), { retry }), { retries: 1 });
      expect(second).to.deep.include({ kind: 'retry', delayMs: 4000 });
      expect(second).to.have.property('error').that.include({ type: 'HttpError', message: '502' });
    });

    it('fails when no retry is left', async () => {
      expect(
        (await errorOf(throwing(new HttpError('502'), { retry }), { retries: 5 })).type,
      ).to.equal('HttpError');
    });

    it('goes by the number that the call says, also 0', async () => {
      const calls = (max_retries: number) => ({ message: { body: { max_retries } } });
      await errorOf(throwing(new Error(), { retry }), calls(0));
      expect(await outcomeOf(throwing(new Error()), calls(1))).to.include({ kind: 'retry' });
    });

    it('fails at once at an error that the policy excepts', async () => {
      await errorOf(throwing(new HttpError(), { retry: { ...retry, except: [HttpError] } }));
      await errorOf(throwing(new HttpError(), { retry: { ...retry, on: [TypeError] } }));
    });

    it('never runs an unknown task again', async () => {
      const error = await errorOf(throwing(new PermanentError('NotRegistered', 'none'), { retry }));
      expect(error.type).to.equal('NotRegistered');
    });
  });

  describe('with a schema', () => {
    const input = z.object({ to: z.string(), times: z.coerce.number().default(1) });
    const mail = defineTask('mail', { input, retry, run: (given) => given });
    const withBody = (body: object) => ({ message: { body } });

    it('gives the task bound arguments, with defaults and transforms', async () => {
      const bound = await outcomeOf(mail, withBody({ args: ['a'], kwargs: { times: '2' } }));
      expect(bound).to.deep.equal({ kind: 'success', json: '{"to":"a","times":2}' });
      const less = await outcomeOf(mail, withBody({ kwargs: { to: 'b' } }));
      expect(less).to.deep.equal({ kind: 'success', json: '{"to":"b","times":1}' });
    });

    const wrong: readonly [why: string, body: object, says: string][] = [
      ['a wrong value', { kwargs: { to: 7 } }, '/to: '],
      ['a missing one', { kwargs: {} }, '/to: '],
      ['too many arguments', { args: ['a', 1, 2] }, '/args: expected at most 2'],
      ['one given twice', { args: ['a'], kwargs: { to: 'b' } }, '/args/0: "to" is given twice'],
    ];
    for (const [why, body, says] of wrong) {
      it(`fails without a retry at ${why}, and names it`, async () => {
        const error = await errorOf(mail, withBody(body));
        expect(error.type).to.equal('ValidationError');
        expect(error.message).to.contain(says);
      });
    }
  });
});
