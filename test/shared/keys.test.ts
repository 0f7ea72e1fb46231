import { expect } from 'chai';
import { v7 as uuidv7 } from 'uuid';
import { createKeys, SHARDS, shardOf } from '../../shared/keys.ts';

describe('the channel of a task', () => {
  const kinds: readonly [kind: string, idOf: (i: number) => string][] = [
    ['ids that we make', () => uuidv7()],
    ['ids that count up', (i) => `order-${i}`],
  ];
  for (const [kind, idOf] of kinds) {
    it(`is spread evenly over ${kind}`, () => {
      const counts = new Array<number>(SHARDS).fill(0);
      for (let i = 0; i < 16_000; i++) counts[shardOf(idOf(i))]! += 1;
      for (const [shard, count] of counts.entries()) expect(count, `${shard}`).within(700, 1300);
    });
  }

  it('exists for the longest id, and is always the same', () => {
    const id = '\u007f'.repeat(128);
    expect(shardOf(id)).to.be.within(0, SHARDS - 1);
    expect(shardOf(id)).to.equal(shardOf(id));
  });
});

describe('the keys', () => {
  const keys = createKeys('app');

  it('meet those of no queue, whatever its name', () => {
    const ours = [keys.queues, keys.registry, keys.workers, keys.worker('w'), keys.sweeper];
    const more = [keys.probe, keys.changes(0), keys.registryChanges];
    for (const key of [...ours, ...more]) expect(key).to.match(/^app\./);
    expect(keys.queueBase('q')).to.equal('app:q:');
  });

  it('are where BullMQ looks', () => {
    expect(keys.job('q', 'id')).to.equal('app:q:id');
    expect(keys.finished('q', true)).to.equal('app:q:completed');
    expect(keys.finished('q', false)).to.equal('app:q:failed');
  });
});
