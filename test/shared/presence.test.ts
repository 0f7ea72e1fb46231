import { expect } from 'chai';
import { type ClusterEvent, workerEvent } from '../../shared/clusterEvents.ts';
import { createPresence } from '../../shared/presence.ts';

const PATIENCE = 10_000;
const START = Date.parse('2026-01-01T10:00:00.000Z');

/** A follower whose time is said, in seconds since he began; what is told comes back as words. */
function follower() {
  const presence = createPresence(PATIENCE);
  const at = (s: number) => START + s * 1000;
  const words = (events: readonly ClusterEvent[]) =>
    events.map((event) => `${event.type} ${'worker' in event ? event.worker : ''}`.trim());
  return {
    /** The workers whose heart beats; with a second: that of the last beat, else it is now. */
    look(s: number, ...beating: (string | readonly [id: string, beat: number])[]) {
      const beats = beating.map((each) => {
        const [id, beat] = typeof each === 'string' ? [each, s] : each;
        return { id, heartbeat_at: new Date(at(beat)).toISOString() };
      });
      return words(presence.look(beats, at(s)));
    },
    hear: (s: number, type: 'worker-online' | 'worker-offline', worker: string) =>
      words(presence.hear([workerEvent(type, worker, at(s))], at(s))),
    pass: (s: number, event: ClusterEvent) => words(presence.hear([event], at(s))),
    missed: (s: number) => presence.missed(at(s)),
  };
}

describe('the presence of workers', () => {
  it('says nothing of the workers that were there before', () => {
    expect(follower().look(0, 'a', 'b')).to.deep.equal([]);
  });

  it('passes on what workers say of themselves, and what is said of tasks', () => {
    const { look, hear, pass } = follower();
    look(0);
    expect(hear(1, 'worker-online', 'a')).to.deep.equal(['worker-online a']);
    expect(look(2, 'a')).to.deep.equal([]);
    expect(hear(3, 'worker-offline', 'a')).to.deep.equal(['worker-offline a']);
    expect(look(4)).to.deep.equal([]);
    const names = { task_id: 't', name: 'add', queue: 'default' };
    const sent = { type: 'task-sent', timestamp: '', ...names } as const;
    expect(pass(5, sent)).to.deep.equal(['task-sent']);
  });

  it('finds out, once, that a worker has vanished without a word', () => {
    const { look } = follower();
    look(0, 'a', 'b');
    expect(look(2, 'b')).to.deep.equal(['worker-offline a']);
    expect(look(4, 'b')).to.deep.equal([]);
    expect(look(6)).to.deep.equal(['worker-offline b']);
  });

  it('finds out that one is back, or came without a word', () => {
    const { look } = follower();
    look(0, 'a');
    look(2);
    expect(look(4, 'a', 'b')).to.deep.equal(['worker-online a', 'worker-online b']);
    expect(look(6, 'a', 'b')).to.deep.equal([]);
  });

  it('does not take a look that is older than a goodbye for a return', () => {
    const { look, hear } = follower();
    look(0, 'a');
    hear(3, 'worker-offline', 'a');
    expect(look(3, ['a', 2])).to.deep.equal([]);
    expect(look(5)).to.deep.equal([]);
  });

  it('takes a beat after the goodbye for a worker of the same name', () => {
    const { look, hear } = follower();
    look(0, 'a');
    hear(3, 'worker-offline', 'a');
    expect(look(5, ['a', 4])).to.deep.equal(['worker-online a']);
  });

  it('believes the word of one that is back, though its goodbye came by a clock that is ahead', () => {
    const { look, pass, hear } = follower();
    look(0, 'a');
    pass(3, workerEvent('worker-offline', 'a', START + 3_600_000));
    hear(4, 'worker-online', 'a');
    for (const s of [5, 10, 15, 20]) expect(look(s, 'a')).to.deep.equal([]);
    expect(look(25)).to.deep.equal(['worker-offline a']);
  });

  it('swallows the word of a worker for what a look has found out already, but not a later one', () => {
    const { look, hear } = follower();
    look(0, 'a');
    expect(look(2)).to.deep.equal(['worker-offline a']);
    expect(hear(2.1, 'worker-offline', 'a')).to.deep.equal([]);
    expect(look(4, 'b')).to.deep.equal(['worker-online b']);
    expect(hear(4.1, 'worker-online', 'b')).to.deep.equal([]);
    expect(hear(30, 'worker-online', 'b')).to.deep.equal(['worker-online b']);
  });

  it('waits for the first beat of a worker that has said it is there, but not for ever', () => {
    const { look, hear } = follower();
    look(0);
    hear(1, 'worker-online', 'a');
    expect(look(2)).to.deep.equal([]);
    expect(look(10.9)).to.deep.equal([]);
    expect(look(11)).to.deep.equal(['worker-offline a']);
  });

  it('believes no absence for a while after an outage, in which all beats were lost', () => {
    const { look, missed } = follower();
    look(0, 'a', 'b');
    missed(2);
    expect(look(4)).to.deep.equal([]);
    expect(look(6, 'a')).to.deep.equal([]);
    expect(look(12, 'a')).to.deep.equal(['worker-offline b']);
  });
});
