import { expect } from 'chai';
import { parseBounds } from '../../shared/autoscale.ts';

const ROWS: readonly [text: string, bounds: object | undefined][] = [
  ['10,3', { max: 10, min: 3 }],
  ['10', { max: 10, min: 1 }],
  [' 4,4 ', { max: 4, min: 4 }],
  ['10000,1', { max: 10_000, min: 1 }],
  ['3,10', undefined],
  ['10,0', undefined],
  ['0', undefined],
  ['10001,1', undefined],
  ['10,3,1', undefined],
  ['10, 3', undefined],
  ['ten', undefined],
  ['off', undefined],
  ['', undefined],
];

describe('the bounds of --autoscale', () => {
  for (const [text, bounds] of ROWS) {
    it(`read "${text}" as ${bounds ? JSON.stringify(bounds) : 'wrong'}`, () => {
      expect(parseBounds(text)).to.deep.equal(bounds);
    });
  }
});
