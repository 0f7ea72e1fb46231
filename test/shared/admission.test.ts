import { expect } from 'chai';
import { createAdmission } from '../../shared/admission.ts';
import { QueueFullError } from '../../shared/errors.ts';
import { messageOf } from '../support/broker.ts';

const send = (count: number, queue = 'default') =>
  Array.from({ length: count }, (_, i) => messageOf(`id-${i}`, { queue }));

/** A queue of which the length, the clock and the number of reads are at hand. */
function createTestAdmission(max: number) {
  const state = { length: 0, nowMs: 0, reads: 0 };
  const backlog = async () => {
    state.reads++;
    return state.length;
  };
  const clock = () => state.nowMs;
  const admit = createAdmission({ backlog }, max, clock, clock);
  const isAdmitted = (count: number, queue?: string) =>
    admit(send(count, queue)).then(
      () => true,
      (error: unknown) => {
        expect(error).to.be.instanceOf(QueueFullError);
        return false;
      },
    );
  return { state, admit, isAdmitted };
}

describe('the admission to a queue', () => {
  it('asks nobody where there is no maximum', async () => {
    const { state, isAdmitted } = createTestAdmission(0);
    expect(await isAdmitted(1000)).to.equal(true);
    expect(state.reads).to.equal(0);
  });

  it('fills the queue to its maximum and no further', async () => {
    const { state, isAdmitted } = createTestAdmission(10);
    state.length = 8;
    expect(await isAdmitted(1)).to.equal(true);
    expect(await isAdmitted(1)).to.equal(true);
    expect(await isAdmitted(1)).to.equal(false);
  });

  it('counts sends that arrive together', async () => {
    const { state, isAdmitted } = createTestAdmission(3);
    const answers = await Promise.all(Array.from({ length: 5 }, () => isAdmitted(1)));
    expect(answers.filter(Boolean)).to.have.length(3);
    expect(state.reads).to.equal(1);
  });

  it('reads the length again after a quarter of a second, not before', async () => {
    const { state, isAdmitted } = createTestAdmission(10);
    state.length = 10;
    expect(await isAdmitted(1)).to.equal(false);
    state.length = 0;
    state.nowMs = 249;
    expect(await isAdmitted(1)).to.equal(false);
    state.nowMs = 250;
    expect(await isAdmitted(1)).to.equal(true);
    expect(state.reads).to.equal(2);
  });

  it('takes a small batch after it has refused one that was too large', async () => {
    const { isAdmitted } = createTestAdmission(10);
    expect(await isAdmitted(11)).to.equal(false);
    expect(await isAdmitted(10)).to.equal(true);
  });

  it('knows each queue by itself', async () => {
    const { isAdmitted } = createTestAdmission(1);
    expect(await isAdmitted(1, 'a')).to.equal(true);
    expect(await isAdmitted(1, 'b')).to.equal(true);
    expect(await isAdmitted(1, 'a')).to.equal(false);
  });

  it('takes tasks that are due later, for they do not wait yet', async () => {
    const { state, admit } = createTestAdmission(1);
    state.length = 1;
    await admit([messageOf('a', { body: { eta: 60_000 } })]);
    expect(state.reads).to.equal(0);
  });

  it('counts tasks whose time has come, for they wait as all others', async () => {
    const { state, admit } = createTestAdmission(1);
    state.length = 1;
    state.nowMs = 5000;
    const error = await admit([messageOf('a', { body: { eta: 5000 } })]).catch((e: unknown) => e);
    expect(error).to.be.instanceOf(QueueFullError);
  });

  it('does not believe a length for longer because the clock was set back', async () => {
    const state = { nowMs: 5000, elapsedMs: 0 };
    const lengths = [1, 0];
    const backlog = async () => lengths.shift() ?? 0;
    const admit = createAdmission(
      { backlog },
      1,
      () => state.nowMs,
      () => state.elapsedMs,
    );
    expect(await admit(send(1)).catch((error) => error)).to.be.instanceOf(QueueFullError);
    state.nowMs = 0;
    state.elapsedMs = 300;
    await admit(send(1));
  });

  it('reads again after a read that failed', async () => {
    const lengths = [Promise.reject(new Error('away')), Promise.resolve(0)];
    const admit = createAdmission(
      { backlog: () => lengths.shift() ?? Promise.resolve(0) },
      1,
      () => 0,
    );
    expect(await admit(send(1)).catch(String)).to.equal('Error: away');
    await admit(send(1));
  });
});
