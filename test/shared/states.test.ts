import { expect } from 'chai';
import { isCustomState, isFinal, STATES, type State, TRANSITIONS } from '../../shared/states.ts';

const FINAL: readonly State[] = ['SUCCESS', 'FAILURE', 'REVOKED'];

describe('the states of a task', () => {
  for (const state of STATES) {
    const isEnd = FINAL.includes(state);
    it(`${state} is ${isEnd ? '' : 'not '}final`, () => {
      expect(isFinal(state)).to.equal(isEnd);
    });
  }

  it('counts a state of the task itself as not final', () => {
    expect(isFinal('PROGRESS')).to.equal(false);
  });

  it('never lets a success be followed by anything', () => {
    expect(TRANSITIONS.SUCCESS).to.deep.equal([]);
  });

  it('lets only an operator bring a failed or revoked task back, to the start', () => {
    expect(TRANSITIONS.FAILURE).to.deep.equal(['PENDING']);
    expect(TRANSITIONS.REVOKED).to.deep.equal(['PENDING']);
  });

  it('lets a task succeed or be retried only from a run', () => {
    for (const next of ['SUCCESS', 'RETRY'] as const) {
      const before = STATES.filter((state) => TRANSITIONS[state].includes(next));
      expect(before, next).to.deep.equal(['STARTED']);
    }
  });

  it('leads from each state that is not final to a final one', () => {
    const ends = (state: State, seen: readonly State[] = []): boolean =>
      isFinal(state) ||
      TRANSITIONS[state].some((next) => !seen.includes(next) && ends(next, [...seen, state]));
    expect(STATES.filter((state) => !ends(state))).to.deep.equal([]);
  });

  const custom: readonly [state: string, isAllowed: boolean][] = [
    ['PROGRESS', true],
    ['UPLOADING_2', true],
    ['A'.repeat(64), true],
    ['A'.repeat(65), false],
    ['', false],
    ['uploading', false],
    ['2_UPLOADING', false],
    ['UP LOADING', false],
    ...STATES.map((state): [string, boolean] => [state, false]),
  ];
  for (const [state, isAllowed] of custom) {
    it(`${isAllowed ? 'allows' : 'refuses'} "${state}" as a state of a task's own`, () => {
      expect(isCustomState(state)).to.equal(isAllowed);
    });
  }
});
