/** Which locks a worker renews. */
import { expect } from 'chai';
import type { Delivery } from '../../worker/delivery.ts';
import { createLockKeeper } from '../../worker/lockKeeper.ts';
import { createPulse, readPulse } from '../../worker/pulse.ts';
import { defer } from '../support/defer.ts';
import { eventually } from '../support/eventually.ts';
import { silentLog } from '../support/redis.ts';

const delivery = (id: string, token: string): Delivery => ({
  id,
  token,
  name: 'hold',
  body: {},
  timestamp: 0,
  retries: 0,
  start: 1,
  losses: 0,
  deferredFailure: undefined,
  stacktrace: undefined,
  opts: { attempts: 0 },
});

/** A keeper, the tokens that it has asked for, and how often it has said that all is renewed. */
function start(answer: () => Promise<string[]> = async () => []) {
  const asked: string[] = [];
  const said = { renewed: 0 };
  const keeper = createLockKeeper({
    extend(_, tokens) {
      asked.push(...tokens);
      return answer();
    },
    onLost: () => undefined,
    onError: () => undefined,
    onRenewing: () => undefined,
    onRenewed: () => said.renewed++,
    log: silentLog(),
  });
  defer(keeper.stop);
  return { keeper, asked, said };
}

describe('the keeper of locks', () => {
  it('goes on with the run of a task that came back here when the one before it ends', async () => {
    const { keeper, asked } = start();
    const [old, next] = [delivery('a', 'old'), delivery('a', 'next')];
    keeper.hold(old);
    keeper.hold(next);
    keeper.release(old);
    void keeper.start();
    await eventually(() => asked.length > 0);
    expect(asked).to.deep.equal(['next']);
    keeper.release(next);
  });

  it('says that all is renewed, also where nothing is held; not while Redis is silent', async () => {
    const idle = start();
    void idle.keeper.start();
    await eventually(() => idle.said.renewed > 0);
    const away = start(() => Promise.reject(new Error('away')));
    away.keeper.hold(delivery('a', 'token'));
    void away.keeper.start();
    await eventually(() => away.asked.length > 0);
    const before = away.said.renewed;
    await eventually(() => away.asked.length > 1);
    expect(away.said.renewed).to.equal(before);
  });

  it('tells the thread nothing good of a queue that holds nothing while Redis does not answer for another', async () => {
    const pulse = createPulse([]);
    const keep = (queue: string, extend: () => Promise<string[]>) => {
      const keeper = createLockKeeper({
        extend,
        onLost: () => undefined,
        onError: () => undefined,
        onRenewing: () => pulse.renewing(queue),
        onRenewed: () => pulse.renewed(queue),
        log: silentLog(),
      });
      defer(keeper.stop);
      return keeper;
    };
    const renewals = () => readPulse(pulse.cells).renewals;
    let answer: (lost: string[]) => void = () => undefined;
    let asked = 0;
    const silent = keep('silent', () => {
      asked++;
      return new Promise((resolve) => (answer = resolve));
    });
    silent.hold(delivery('a', 'token'));
    void silent.start();
    await eventually(() => asked === 1);
    const before = renewals();
    void keep('idle', async () => []).start();
    expect(renewals()).to.equal(before);
    answer([]);
    await eventually(() => renewals() > before);
  });
});
