import { expect } from 'chai';
import { createQuarantine } from '../../worker/quarantine.ts';

describe('the quarantine', () => {
  it('has so many places, and gives them in the order in which they were asked for', async () => {
    const quarantine = createQuarantine(2, 30_000);
    const entered: string[] = [];
    const enter = async (name: string, isAlone = false) => {
      const leave = await quarantine.enter(isAlone);
      entered.push(name);
      return leave;
    };
    const a = await enter('a');
    const b = await enter('b');
    const alone = enter('alone', true);
    const c = enter('c');
    a?.();
    await new Promise(setImmediate);
    expect(entered).to.deep.equal(['a', 'b']);
    b?.();
    (await alone)?.();
    (await c)?.();
    expect(entered).to.deep.equal(['a', 'b', 'alone', 'c']);
  });

  it('sends away who finds no place in time, and lets in those behind', async () => {
    const quarantine = createQuarantine(2, 20);
    const first = await quarantine.enter(false);
    const alone = quarantine.enter(true);
    expect(await alone).to.equal(undefined);
    const second = await quarantine.enter(false);
    expect(second).to.be.a('function');
    expect(await quarantine.enter(false)).to.equal(undefined);
    first?.();
    expect(await quarantine.enter(false)).to.be.a('function');
  });
});
