import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { heldErrors, isError, messageOf, reasonOf } from '../../shared/errorText.ts';

const refused = (address: string) =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' });

const SAYS: readonly [what: string, error: Error, message: string][] = [
  [
    'its message where it has one',
    new AggregateError([new Error('a')], 'both failed'),
    'both failed',
  ],
  [
    'the errors inside where its message is empty',
    Object.assign(new AggregateError([refused('::1:9'), refused('127.0.0.1:9')]), {
      code: 'ECONNREFUSED',
    }),
    'connect ECONNREFUSED ::1:9; connect ECONNREFUSED 127.0.0.1:9',
  ],
  [
    'what Promise.any does not say',
    new AggregateError(
      [new Error('db is down'), 'text', new Error('db is down')],
      'All promises were rejected',
    ),
    'All promises were rejected: db is down; text',
  ],
  [
    'its code where nothing else says anything',
    Object.assign(new Error(''), { code: 'EPIPE' }),
    'EPIPE',
  ],
  [
    'its cause where it says nothing itself',
    new Error('', { cause: refused('::1:9') }),
    refused('::1:9').message,
  ],
  ['nothing where there is nothing', new Error(''), ''],
  ['what another realm says', runInNewContext('new TypeError("from afar")'), 'from afar'],
];

describe('the text of an error', () => {
  for (const [what, error, message] of SAYS) {
    it(`is ${what}`, () => {
      expect(messageOf(error)).to.equal(message);
    });
  }

  it('ends where an error holds itself', () => {
    const error = new AggregateError([]);
    error.errors.push(error, error);
    expect(messageOf(error)).to.equal('');
    expect(reasonOf(error)).to.equal('AggregateError');
  });

  it('is that of anything thrown', () => {
    expect(['text', 5, null, { a: 1 }, undefined].map((each) => reasonOf(each))).to.deep.equal([
      'text',
      '5',
      'null',
      '{"a":1}',
      'undefined',
    ]);
  });

  it('tells errors, of whatever realm, from what only looks like one', () => {
    expect(runInNewContext('[new Error("a"), new RangeError("b")]').every(isError)).to.equal(true);
    expect(isError(structuredClone(new Error('a')))).to.equal(true);
    for (const other of ['text', null, {}, { message: 'a' }, { stack: 'a' }, () => 1])
      expect(isError(other), String(other)).to.equal(false);
  });

  it('takes lists of wrong fields for what they are', () => {
    expect(heldErrors(Object.assign(new Error('wrong'), { errors: [{ path: '/a' }] }))).to.equal(
      undefined,
    );
  });
});
