import { QueueKeys } from 'bullmq';
import { expect } from 'chai';
import { bodyOf, type MessageBody, taskIdProblem } from '../../shared/message.ts';

describe('the body of a stored task', () => {
  const table: readonly [why: string, data: unknown, body: MessageBody][] = [
    ['ours with kwargs', { kwargs: { a: 1 }, eta: 5 }, { kwargs: { a: 1 }, eta: 5 }],
    ['ours with args alone', { args: [1], tags: ['x'] }, { args: [1], tags: ['x'] }],
    ['fields of a plain producer', { to: 'a@b' }, { kwargs: { to: 'a@b' } }],
    ['no fields', {}, { kwargs: {} }],
    ['a field called args that is no list', { args: 'x' }, { kwargs: { args: 'x' } }],
    ['a field called kwargs that is no object', { kwargs: [1] }, { kwargs: { kwargs: [1] } }],
    ['a list', [1, 2], { args: [[1, 2]] }],
    ['a text', 'hello', { args: ['hello'] }],
    ['null', null, { args: [null] }],
  ];
  for (const [why, data, body] of table) {
    it(`is read from ${why}`, () => {
      expect(bodyOf(data)).to.deep.equal(body);
    });
  }
});

describe('the id of a task', () => {
  const right = ['a', 'order-17', 'A_b.c-d', '1a', '-', 'waiting', 'x'.repeat(128)];
  for (const id of right) {
    it(`may be "${id.slice(0, 20)}"`, () => {
      expect(taskIdProblem(id)).to.equal(undefined);
    });
  }

  const wrong: readonly [id: string, says: string][] = [
    ['', '1 to 128 letters'],
    ['x'.repeat(129), '1 to 128 letters'],
    ['a b', '1 to 128 letters'],
    ['a:b', '1 to 128 letters'],
    ['a/b', '1 to 128 letters'],
    ['ä', '1 to 128 letters'],
    ['a\n', '1 to 128 letters'],
    ['42', 'no digit'],
    ['0', 'no digit'],
    ['meta', 'own keys'],
  ];
  for (const [id, says] of wrong) {
    it(`may not be ${JSON.stringify(id.slice(0, 20))}`, () => {
      expect(taskIdProblem(id)).to.contain(says);
    });
  }

  it('may not be the name of any key that BullMQ keeps in a queue', () => {
    // BullMQ uses `de` with an id behind it only.
    const names = Object.keys(new QueueKeys('p').getKeys('q')).filter((name) => name !== 'de');
    expect(names).to.include.members(['wait', 'meta', 'pc']);
    expect(names.filter((name) => taskIdProblem(name) === undefined)).to.deep.equal([]);
  });
});
