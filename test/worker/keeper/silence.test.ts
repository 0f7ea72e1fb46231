import { expect } from 'chai';
import { createJudge, type Seen } from '../../../worker/keeper/silence.ts';

const LOOK_MS = 500;
const LIMIT_MS = 10_000;

/** What is decided at each look, of which there is one each half second unless `passed` says otherwise. */
function decide(looks: readonly (Seen & { passed?: number })[]): string[] {
  const judge = createJudge(LIMIT_MS, LOOK_MS);
  let now = 0;
  return looks.map(({ passed = LOOK_MS, ...seen }) => {
    now += passed;
    return judge(seen, now).action;
  });
}

const still = (count: number) => Array.from({ length: count }, () => ({ ticks: 1, renewals: 1 }));
const count = (actions: readonly string[], action: string) =>
  actions.filter((each) => each === action).length;

describe('the keeper', () => {
  it('rests while the loop turns and renews its locks', () => {
    const looks = Array.from({ length: 50 }, (_, i) => ({ ticks: i, renewals: Math.floor(i / 2) }));
    expect(new Set(decide(looks))).to.deep.equal(new Set(['rest']));
  });

  it('keeps the tasks of a loop that stands still, from 2 s on and up to the limit', () => {
    const actions = decide(still(30));
    expect(actions.slice(0, 4)).to.deep.equal(['rest', 'rest', 'rest', 'rest']);
    expect(actions.slice(4, 20)).to.deep.equal(Array(16).fill('keep'));
    expect(actions.slice(20)).to.deep.equal(Array(10).fill('let go'));
  });

  it('rests again when the loop turns again', () => {
    expect(decide([...still(30), { ticks: 2, renewals: 2 }]).at(-1)).to.equal('rest');
  });

  it('keeps them without a limit where the loop turns but its renewals get no answer', () => {
    const looks = Array.from({ length: 60 }, (_, i) => ({ ticks: i, renewals: 1 }));
    const actions = decide(looks);
    expect(count(actions, 'keep')).to.equal(56);
    expect(count(actions, 'let go')).to.equal(0);
  });

  it('counts no time in which the whole process stood still', () => {
    const paused = { ticks: 1, renewals: 1, passed: 60_000 };
    expect(decide([...still(2), paused])).to.deep.equal(['rest', 'rest', 'rest']);
  });
});
