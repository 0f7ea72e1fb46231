import { expect } from 'chai';
import { chosen, parseOptions } from '../../bench/options.ts';

describe('the command line of the benchmarks', () => {
  it('measures everything in three rounds unless told otherwise', () => {
    const options = parseOptions([]);
    expect(options).to.include({ rounds: 3, scale: 1, isBrief: false, list: false, help: false });
    expect(options).to.deep.include({ only: [], peers: [] });
  });

  it('makes a quick run small, and brief unless peers are named', () => {
    expect(parseOptions(['--quick'])).to.include({ rounds: 1, scale: 0.07, isBrief: true });
    expect(parseOptions(['--quick', '--peers', 'rq'])).to.include({ isBrief: false });
    expect(parseOptions(['--quick', '--rounds', '5'])).to.include({ rounds: 5, scale: 0.07 });
  });

  it('takes lists of names', () => {
    const { only, peers } = parseOptions(['--only', 'drain,sendBulk', '--peers', 'kaje,']);
    expect([only, peers]).to.deep.equal([['drain', 'sendBulk'], ['kaje']]);
  });

  const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
    [['--rounds', '1.5'], /--rounds to be a whole number above 0, got "1.5"/],
    [['--rounds', '0'], /--rounds to be a whole number above 0, got "0"/],
    [['--scale', 'big'], /--scale to be a number above 0, got "big"/],
    [['--scale', ' '], /--scale to be a number above 0, got " "/],
    [['--only', ''], /--only to be a list of names, got ""/],
    [['--peers', ','], /--peers to be a list of names, got ","/],
    [['--what'], /Unknown option '--what'/],
    [['drain'], /Unexpected argument 'drain'/],
  ];
  for (const [args, message] of wrong) {
    it(`refuses ${args.join(' ')}`, () => {
      expect(() => parseOptions(args)).to.throw(message);
    });
  }

  const all = ['kaje', 'kaje-before', 'celery-prefork', 'celery-threads', 'celerity'];
  const peers = all.map((name) => ({ name }));
  const choices: readonly (readonly [names: string[], expected: string[]])[] = [
    [[], all],
    [['celery'], ['celery-prefork', 'celery-threads']],
    [
      ['celerity', 'kaje'],
      ['kaje', 'kaje-before', 'celerity'],
    ],
    [['celery-threads'], ['celery-threads']],
  ];
  for (const [names, expected] of choices) {
    it(`means ${expected.join(', ')} by "${names.join(',')}"`, () => {
      expect(chosen(peers, names).map(({ name }) => name)).to.deep.equal(expected);
    });
  }

  it('refuses a name that means nothing, and says which there are', () => {
    expect(() => chosen(peers, ['kaje', 'celer'])).to.throw(/one of kaje, .*celerity, got celer$/);
  });
});
