import { expect } from 'chai';
import { createPulse } from '../../../worker/pulse.ts';
import { createStalls } from '../../../worker/services/stalls.ts';
import { defer } from '../../support/defer.ts';
import { eventually } from '../../support/eventually.ts';
import { collectLog } from '../../support/log.ts';

const NAMES = ['waits', 'computes', 'next', 'short'];

function block(ms: number): void {
  for (const until = Date.now() + ms; Date.now() < until; );
}

function start() {
  const { log, lines } = collectLog();
  const stalls = createStalls({ pulse: createPulse(NAMES), log, everyMs: 20 });
  stalls.start();
  defer(stalls.stop);
  return { stalls, lines };
}

describe('a stall of the event loop', () => {
  it('is told once, with the task that blocked it and was gone when the loop came back', async () => {
    const { stalls, lines } = start();
    stalls.enter('computes');
    block(1200);
    stalls.leave('computes');
    const line = await eventually(() => lines[0]);
    expect(line.tasks).to.deep.equal(['computes']);
    expect(line.loop_lag_ms).to.be.within(1100, 20_000);
    expect(line.level).to.equal(40);
    stalls.enter('next');
    block(30);
    expect(lines).to.have.length(1);
  });

  it('names who came last first, and those that run on', async () => {
    const { stalls, lines } = start();
    stalls.enter('waits');
    stalls.enter('waits');
    stalls.leave('waits');
    stalls.enter('computes');
    block(1200);
    const line = await eventually(() => lines[0]);
    expect(line.tasks).to.deep.equal(['computes', 'waits']);
  });

  it('is none while tasks take turns', async () => {
    const { stalls, lines } = start();
    for (let i = 0; i < 10; i++) {
      stalls.enter('short');
      block(20);
      stalls.leave('short');
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lines).to.deep.equal([]);
  });
});
