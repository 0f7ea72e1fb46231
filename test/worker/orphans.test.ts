/** Tasks that Redis gave to a worker with an answer that never came. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { defineTask } from '../../shared/task.ts';
import { eventually } from '../support/eventually.ts';
import { ids, startLife } from '../support/life.ts';
import { redisProxy } from '../support/proxy.ts';
import { startTestWorker } from '../support/worker.ts';

/** Less than a lock (14 s), after which tasks are taken over as those of a lost worker. */
const SOON_MS = 8000;

/** A worker behind a line that can be cut, and the ids of the tasks that it has begun. */
async function startCuttable(batching: 'on' | 'off', concurrency: number) {
  const life = await startLife({ batching });
  const proxy = await redisProxy();
  const begun: string[] = [];
  const trace = defineTask('trace', {
    async run(_, ctx) {
      begun.push(ctx.id);
      await sleep(5);
    },
  });
  const config = { ...life.config, redisUrl: proxy.url };
  await startTestWorker(config, [trace], [{ name: 'default', concurrency }]);
  const done = life.keys.finished('default', true);
  const allDone = (count: number) =>
    eventually(async () => (await life.redis.zcard(done)) === count, SOON_MS);
  const active = () => life.redis.lrange(`${life.keys.queueBase('default')}active`, 0, -1);
  return { ...life, proxy, begun, allDone, active };
}

for (const batching of ['on', 'off'] as const) {
  describe(`a worker whose connection is cut, with batching ${batching}`, () => {
    it('runs at once what it was given without knowing', async () => {
      const { send, proxy, begun, allDone, active } = await startCuttable(batching, 10);
      await send('trace', ids(500));
      await eventually(() => begun.length > 50);
      proxy.loseAnswers();
      const unknown = await eventually(async () => {
        const found = (await active()).filter((id) => !begun.includes(id));
        return found.length >= 5 && found;
      });
      proxy.cut();
      await allDone(500);
      expect(begun).to.include.members(unknown);
      expect(new Set(begun).size).to.equal(begun.length);
    });

    it('runs each task once, however often that happens', async () => {
      const { send, proxy, begun, allDone } = await startCuttable(batching, 40);
      for (let i = 1; i <= 30; i++) {
        await send('trace', ids(40, `${i}-`));
        await eventually(() => begun.length > (i - 1) * 40);
        if (i % 2 === 0) proxy.loseAnswers();
        await sleep(Math.random() * 20);
        proxy.cut();
      }
      await allDone(1200);
      expect(new Set(begun).size).to.equal(begun.length);
    });
  });
}
