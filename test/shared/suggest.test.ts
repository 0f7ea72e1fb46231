import { expect } from 'chai';
import { didYouMean } from '../../shared/suggest.ts';

const NAMES = ['args', 'kwargs', 'countdown', 'task_id', 'execute_slow_stuff'];

describe('"did you mean"', () => {
  const table: readonly [word: string, nearest: string | undefined][] = [
    ['kwarg', 'kwargs'],
    ['KWARGS', 'kwargs'],
    ['arg', 'args'],
    ['taskid', 'task_id'],
    ['coutdown', 'countdown'],
    ['countdwon', 'countdown'],
    ['executeSlowStuff', 'execute_slow_stuff'],
    ['x', undefined],
    ['', undefined],
    ['priority', undefined],
    ['stuff', undefined],
  ];
  for (const [word, nearest] of table) {
    it(`suggests ${nearest ?? 'nothing'} for "${word}"`, () => {
      const sentence = nearest === undefined ? '' : ` - did you mean "${nearest}"?`;
      expect(didYouMean(word, NAMES)).to.equal(sentence);
    });
  }

  it('takes the nearest of several', () => {
    expect(didYouMean('tags', ['flags', 'tag', 'tasks'])).to.contain('"tag"');
  });

  it('suggests nothing for a word that is longer than any name', () => {
    const name = 'n'.repeat(128);
    expect(didYouMean(name.slice(1), [name])).to.contain(name);
    expect(didYouMean(`${name}n`, [name])).to.equal('');
  });

  it('suggests nothing where there are no names', () => {
    expect(didYouMean('add', [])).to.equal('');
  });
});
