import { expect } from 'chai';
import { parseRoutes, queueFor } from '../../shared/routing.ts';

describe('the routes of the settings', () => {
  it('are rules of names and queues, in their order', () => {
    expect(parseRoutes('mail.*=mail,report_?=slow, x=y')).to.deep.equal([
      { name: 'mail.*', queue: 'mail' },
      { name: 'report_?', queue: 'slow' },
      { name: 'x', queue: 'y' },
    ]);
  });

  for (const text of [
    '',
    'mail',
    'mail=',
    '=mail',
    'a=b=c',
    'a b=c',
    'a=b c',
    'a=b,',
    '[a]=b',
    'a|b=c',
  ]) {
    it(`are none where they say "${text}"`, () => {
      expect(parseRoutes(text)).to.equal(undefined);
    });
  }
});

describe('the queue of a call', () => {
  const rules = parseRoutes('mail.send=first,mail.*=mail,?.x=one,*=rest') ?? [];
  const table: readonly [
    why: string,
    name: string,
    called: string | undefined,
    declared: string,
    queue: string,
  ][] = [
    ['that of the call, whatever the rules say', 'mail.send', 'mine', 'default', 'mine'],
    ['default, where the call says so', 'mail.send', 'default', 'default', 'default'],
    ["the task's own before the rules", 'mail.send', undefined, 'own', 'own'],
    ['that of the first rule that matches', 'mail.send', undefined, 'default', 'first'],
    ['that of a rule with a star', 'mail.later', undefined, 'default', 'mail'],
    ['that of a rule with a star for nothing', 'mail.', undefined, 'default', 'mail'],
    ['not that of a rule whose dot would be any letter', 'mailxsend', undefined, 'default', 'rest'],
    ['that of a rule with a question mark, for one letter', 'a.x', undefined, 'default', 'one'],
    ['not that of one for two letters', 'ab.x', undefined, 'default', 'rest'],
    ['not that of a rule for a part of the name', 'my.mail.send', undefined, 'default', 'rest'],
  ];
  for (const [why, name, called, declared, queue] of table) {
    it(`is ${why}`, () => {
      expect(queueFor(name, called, declared, rules)).to.equal(queue);
    });
  }

  it('is default where no rule matches, and where there is none', () => {
    expect(queueFor('a', undefined, 'default', [{ name: 'b', queue: 'c' }])).to.equal('default');
    expect(queueFor('a', undefined, 'default', [])).to.equal('default');
  });
});
