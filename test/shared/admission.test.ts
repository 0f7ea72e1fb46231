import { expect } from 'chai';
import { createAdmission } from '../../shared/admission.ts';
import { QueueFullError } from '../../shared/errors.ts';
import type { TaskMessage } from '../../shared/message.ts';
import { messageOf } from '../support/broker.ts';

const send = (count: number, queue = 'default') =>
  Array.from({ length: count }, (_, i) => messageOf(`${queue}-${i}`, { queue }));
const later = messageOf('later', { body: { eta: Date.now() + 600_000 } });

/** Queues of which the room and the clock are at hand, and the number of writes. */
function createTestAdmission(rooms: Record<string, number> = {}) {
  const state = { nowMs: 0, writes: 0, maximums: [] as unknown[], stored: [] as string[] };
  const add = async (messages: readonly TaskMessage[], max?: number) => {
    state.writes++;
    state.maximums.push(max);
    const waiting = messages.filter(({ body }) => body.eta === undefined);
    for (const [queue, room] of Object.entries(rooms)) {
      if (waiting.filter((each) => each.queue === queue).length > room) return { queue, room };
    }
    state.stored.push(...messages.map(({ id }) => id));
    for (const { queue } of waiting) rooms[queue] = (rooms[queue] ?? 1e9) - 1;
    return undefined;
  };
  const admission = createAdmission({ add }, 7, () => state.nowMs);
  const isAdmitted = (count: number, queue?: string) =>
    admission.addAll(send(count, queue)).then(
      () => true,
      (error: unknown) => {
        expect(error).to.be.instanceOf(QueueFullError);
        return false;
      },
    );
  return { state, rooms, admission, isAdmitted };
}

describe('the admission to a queue', () => {
  it('has the maximum checked by the write', async () => {
    const { state, isAdmitted } = createTestAdmission();
    expect(await isAdmitted(1000)).to.equal(true);
    expect(state.maximums).to.deep.equal([7]);
  });

  it('takes a small batch after it has refused one that was too large', async () => {
    const { isAdmitted } = createTestAdmission({ default: 10 });
    expect(await isAdmitted(11)).to.equal(false);
    expect(await isAdmitted(10)).to.equal(true);
  });

  it('takes the first ones that fit, whatever is due later, and refuses each of the others', async () => {
    const { state, admission } = createTestAdmission({ default: 2, mail: 0 });
    const [a, b, c] = [send(4), send(1, 'mail'), send(1, 'other')];
    const refused = await admission.addFitting([...a, ...b, later, ...c]);
    expect([...refused.keys()].map(({ id }) => id)).to.deep.equal([
      'default-2',
      'default-3',
      'mail-0',
    ]);
    expect(String(refused.get(a[3] ?? later))).to.match(/"default" .* 7 tasks/);
    expect(String(refused.get(b[0] ?? later))).to.match(/"mail"/);
    expect(state.stored).to.deep.equal(['default-0', 'default-1', 'later', 'other-0']);
  });

  it('refuses without a write for a quarter of a second, then asks again', async () => {
    const { state, rooms, isAdmitted } = createTestAdmission({ default: 0 });
    expect(await isAdmitted(1)).to.equal(false);
    rooms.default = 5;
    state.nowMs = 249;
    expect(await isAdmitted(1)).to.equal(false);
    expect(state.writes).to.equal(1);
    state.nowMs = 250;
    expect(await isAdmitted(1)).to.equal(true);
    expect(state.writes).to.equal(2);
  });

  it('takes for a full queue what is due later, and for others all', async () => {
    const { state, admission, isAdmitted } = createTestAdmission({ default: 0 });
    expect(await isAdmitted(1)).to.equal(false);
    await admission.addAll([later]);
    expect(await isAdmitted(3, 'other')).to.equal(true);
    expect(state.stored).to.have.length(4);
  });

  it('has nothing to write where nothing is left', async () => {
    const { state, admission } = createTestAdmission();
    expect((await admission.addFitting([])).size).to.equal(0);
    expect(state.writes).to.equal(0);
  });
});
