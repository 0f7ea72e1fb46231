import { expect } from 'chai';
import { WorkerLostError } from '../../../shared/taskErrors.ts';
import { PermanentError } from '../../../worker/outcome.ts';
import { createBackoff } from '../../../worker/pools/backoff.ts';

const mishap = new WorkerLostError('ended by SIGTERM');
const hopeless = new PermanentError('NotRegistered', 'no such file');

describe('the pause after starts that failed', () => {
  const pauses: readonly [why: string, failures: readonly Error[], seconds: readonly number[]][] = [
    ['grows', Array(7).fill(hopeless), [1, 2, 4, 8, 16, 30, 30]],
    ['begins with the third mishap', Array(5).fill(mishap), [0, 0, 1, 2, 4]],
    ['comes at once when there is no hope', [mishap, hopeless, mishap, mishap], [0, 1, 0, 2]],
  ];
  for (const [why, failures, seconds] of pauses) {
    it(`${why}: ${seconds.join(', ')} s`, () => {
      let ms = 0;
      const backoff = createBackoff(() => ms);
      const paused = failures.map((each) => {
        const pauseMs = backoff.failed(each);
        ms += pauseMs;
        return pauseMs / 1000;
      });
      expect(paused).to.deep.equal(seconds);
    });
  }

  it('is not made longer by a start that failed meanwhile', () => {
    let ms = 0;
    const backoff = createBackoff(() => ms);
    expect(backoff.failed(hopeless)).to.equal(1000);
    ms = 400;
    expect(backoff.failed(hopeless)).to.equal(600);
    ms = 1000;
    expect([backoff.isOver(), backoff.failed(hopeless)]).to.deep.equal([true, 2000]);
  });

  it('is over in time, and forgotten once a child has done its work', () => {
    let ms = 0;
    const backoff = createBackoff(() => ms);
    expect([backoff.isOver(), backoff.failure]).to.deep.equal([true, undefined]);
    backoff.failed(hopeless);
    expect([backoff.isOver(), backoff.failure]).to.deep.equal([false, hopeless]);
    ms = 999;
    expect(backoff.isOver()).to.equal(false);
    ms = 1000;
    expect(backoff.isOver()).to.equal(true);
    backoff.failed(hopeless);
    backoff.reset();
    expect([backoff.isOver(), backoff.failure]).to.deep.equal([true, undefined]);
    expect(backoff.failed(hopeless)).to.equal(1000);
  });
});
