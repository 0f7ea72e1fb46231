import { expect } from 'chai';
import { ago, colour } from '../../cli/output.ts';
import { defer } from '../support/defer.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const AGES: readonly (readonly [seconds: number, text: string])[] = [
  [-5, '0 s'],
  [0, '0 s'],
  [119, '119 s'],
  [120, '2 min'],
  [7199, '120 min'],
  [7200, '2 h'],
  [172_800, '2 d'],
];

describe('what commands print', () => {
  for (const [seconds, text] of AGES) {
    it(`calls ${seconds} seconds "${text}"`, () => {
      expect(ago(new Date(NOW - seconds * 1000).toISOString(), NOW)).to.equal(text);
    });
  }

  it('has no colours in a pipe, nor on a terminal against NO_COLOR', () => {
    const { isTTY } = process.stdout;
    const { NO_COLOR } = process.env;
    defer(() => {
      process.stdout.isTTY = isTTY;
      if (NO_COLOR === undefined) delete process.env.NO_COLOR;
      else process.env.NO_COLOR = NO_COLOR;
    });
    process.stdout.isTTY = false;
    expect(colour('red', 'x')).to.equal('x');
    process.stdout.isTTY = true;
    process.env.NO_COLOR = '1';
    expect(colour('red', 'x')).to.equal('x');
  });
});
