import { expect } from 'chai';
import { InvalidRequestError, KajeError } from '../../../shared/errors.ts';
import { DEFAULT_RETRY, isRetryable } from '../../../shared/retry.ts';
import { Reject, RetryRequest, WorkerLostError } from '../../../shared/taskErrors.ts';
import { describeError } from '../../../worker/outcome.ts';
import { pack, unpack } from '../../../worker/pools/thrown.ts';
import { failureOf, KINDS, runIn, sharedPool } from '../../support/pool.ts';

const throughChild = (error: unknown) => unpack(structuredClone(pack(error)));

for (const kind of KINDS) {
  describe(`an error of a task in a ${kind}`, () => {
    const pool = sharedPool(kind);
    const thrown = (what: string) => failureOf(runIn(pool(), 'fail', { what }));

    it('has its name, message, small fields and causes, and the frames of the task', async () => {
      const error = await thrown('own');
      expect(error).to.be.instanceOf(Error).and.include({ name: 'NotFound', status: 503 });
      expect(error).to.not.have.property('response');
      expect(error.cause).to.be.instanceOf(RangeError).and.have.property('cause', 'text');
      const { type, message, traceback } = describeError(error);
      expect({ type, message }).to.deep.equal({ type: 'NotFound', message: 'no such page' });
      const frame = /^ {4}at .*\(.*fixtures\/isolated\.ts:\d+:\d+\)$/;
      const [head, , , cause, ...rest] = traceback.split('\n');
      expect([head, cause]).to.deep.equal([
        'NotFound: no such page',
        'Caused by RangeError: too far',
      ]);
      expect(rest).to.have.length(2);
      for (const line of error.stack.split('\n').slice(1)) expect(line).to.match(frame);
      expect(error.stack).to.match(/^NotFound: no such page\n +at \S*findNothing/);
    });

    it('keeps the errors that it holds, and is known in another realm', async () => {
      const error = await thrown('several');
      expect(describeError(error)).to.include({
        type: 'AggregateError',
        message: 'All promises were rejected: db is down; from afar',
      });
      const told = describeError(error)
        .traceback.split('\n')
        .filter((line) => !/^ +at /.test(line));
      expect(told.slice(1)).to.deep.equal([
        '[1 of 2] Error: db is down',
        'Caused by Error: no route',
        '[2 of 2] TypeError: from afar',
      ]);
    });

    it('is told apart by its classes in a retry policy', async () => {
      class HttpError extends Error {}
      class Other extends Error {}
      const error = await thrown('own');
      expect(isRetryable(error, { ...DEFAULT_RETRY, on: [HttpError] })).to.equal(true);
      expect(isRetryable(error, { ...DEFAULT_RETRY, except: [HttpError] })).to.equal(false);
      expect(isRetryable(error, { ...DEFAULT_RETRY, on: [Other] })).to.equal(false);
    });

    it('is one of ours when it was one of ours', async () => {
      expect(await thrown('reject'))
        .to.be.instanceOf(Reject)
        .and.include({ name: 'Reject', message: 'not here', requeue: true, delay: 7 });
      const retry = await thrown('retry');
      expect(retry).to.be.instanceOf(RetryRequest).and.include({ name: 'Retry', message: 'later' });
      const { error, ...options } = retry.options;
      expect(options).to.deep.equal({ countdown: 5, maxRetries: 9 });
      expect(error).to.include({ name: 'NotFound', message: 'later' });
    });

    it('may be anything, also what cannot be copied or read', async () => {
      expect(await thrown('text')).to.equal('just text');
      expect(await thrown('nothing')).to.equal(undefined);
      expect(await thrown('function')).to.match(/^\(\) ?=> ?1$/);
      expect(await thrown('unreadable')).to.match(/^An error that cannot be read: .*no message/);
    });

    it('ends its run also when it is one of ours that holds what cannot be copied', async () => {
      const error = await thrown('stuffed');
      expect(error).to.be.instanceOf(KajeError).and.include({ code: 'ODD', message: 'try again' });
      expect(error).to.not.have.property('again');
    });
  });
}

describe('an error on its way between threads', () => {
  it('ends a circle of causes', () => {
    const error = new Error('round');
    error.cause = error;
    let [depth, cause] = [0, throughChild(error)];
    for (; cause instanceof Error; cause = cause.cause) depth++;
    expect(depth).to.equal(6);
  });

  const values: readonly [why: string, thrown: unknown, arrives: unknown][] = [
    ['a number', 5, 5],
    ['null', null, null],
    ['an object', { a: [1, { b: new Date(0) }] }, { a: [1, { b: '1970-01-01T00:00:00.000Z' }] }],
    ['a bigint', 5n, 5],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
  ];
  for (const [why, value, arrives] of values) {
    it(`may be ${why}`, () => {
      expect(throughChild(value)).to.deep.equal(arrives);
    });
  }

  it('keeps the name that its author gave it, and the class that both sides know', () => {
    class Gone extends WorkerLostError {}
    const named = Object.assign(new Gone('a'), { code: 'E_GONE', where: { deep: true } });
    const error = throughChild(named);
    expect(error).to.be.instanceOf(WorkerLostError).and.include({ code: 'E_GONE' });
    expect(error).to.include({ name: 'WorkerLostError', message: 'a' });
    expect(error).to.not.have.property('where');
    expect(isRetryable(error, { ...DEFAULT_RETRY, on: [Gone] })).to.equal(true);
  });

  it('keeps of one of our own what JSON can hold, and nothing else', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const list = [{ path: '/kwargs/to', message: 'expected text' }];
    const more = { circle, big: 5n, mark: Symbol('m'), at: { f: () => 1, n: 2 } };
    const error = throughChild(Object.assign(new InvalidRequestError(list), more));
    expect(error).to.be.instanceOf(InvalidRequestError).and.deep.include({ errors: list });
    expect(error).to.deep.include({ code: 'INVALID_REQUEST', at: { n: 2 } });
    for (const key of ['circle', 'big', 'mark']) expect(error).to.not.have.property(key);
  });

  it('arrives also when its class or its name cannot be copied', () => {
    class Odd extends Error {}
    Object.defineProperty(Odd, 'name', { value: () => 'Odd' });
    const error = throughChild(Object.assign(new Odd('odd'), { name: Symbol('Odd') }));
    expect(error).to.be.instanceOf(Error).and.include({ name: 'Error', message: 'odd' });
  });

  it('is told in words also when what its getter throws has none', () => {
    const error = Object.defineProperty(new Error(), 'message', {
      get() {
        throw Object.create(null);
      },
    });
    expect(throughChild(error)).to.equal('An error that cannot be read');
  });

  it('without a class name is like no other', () => {
    const error = throughChild(new (class extends Error {})('anonymous'));
    expect(isRetryable(error, { ...DEFAULT_RETRY, on: [class extends Error {}] })).to.equal(false);
    expect(isRetryable(error, { ...DEFAULT_RETRY, on: [Error] })).to.equal(true);
  });
});
