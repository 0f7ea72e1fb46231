/** Several workers of one queue: whoever is idle takes what comes, at once. */
import { expect } from 'chai';
import { createKeys } from '../../shared/keys.ts';
import { defineTask } from '../../shared/task.ts';
import { eventually } from '../support/eventually.ts';
import { gate, startLife } from '../support/life.ts';
import { startTestWorker } from '../support/worker.ts';

/** Less than the pause after which workers look without a sign (5 s). */
const SOON_MS = 3000;
const ONE_SLOT = [{ name: 'default', concurrency: 1 }];

/** Two workers of one slot each, and a task that runs until `open` is called. */
async function startTwo(batching: 'on' | 'off') {
  const life = await startLife({ batching });
  const { open, opened } = gate();
  const tasks = [
    defineTask('long', { run: () => opened }),
    defineTask('short', { run: () => Date.now() }),
  ];
  for (let i = 0; i < 2; i++) await startTestWorker(life.config, tasks, ONE_SLOT);
  const marker = `${createKeys(life.config.prefix).queueBase('default')}marker`;
  return { ...life, open, marker };
}

for (const batching of ['on', 'off'] as const) {
  describe(`a worker that is idle beside one that is full, with batching ${batching}`, () => {
    it('gets each task that comes', async () => {
      const { send, end, becomes, open } = await startTwo(batching);
      await send('long', ['long']);
      await becomes('long', 'STARTED');
      for (let i = 0; i < 4; i++) {
        await send('short', [`s${i}`]);
        await end(`s${i}`, SOON_MS);
      }
      open();
      await end('long');
    });

    it('gets a task that is due', async () => {
      const { send, end, becomes, open } = await startTwo(batching);
      await send('long', ['long']);
      await becomes('long', 'STARTED');
      // The idle one listens after the full one since then, should that listen at all.
      await send('short', ['before']);
      await end('before', SOON_MS);
      const due = Date.now() + 700;
      await send('short', ['later'], { eta: due });
      const { result } = await end('later', SOON_MS);
      expect(result).to.be.at.least(due);
      open();
      await end('long');
    });

    it('gets a task that becomes due after a pause', async () => {
      const { broker, send, end, becomes, open, redis, marker } = await startTwo(batching);
      await broker.pause('default', true);
      const due = Date.now() + 2000;
      await send('short', ['later'], { eta: due });
      // Both look, and are told that the queue is paused.
      for (let i = 0; i < 2; i++) {
        await redis.zadd(marker, 0, '0');
        await eventually(async () => (await redis.exists(marker)) === 0);
      }
      await send('long', ['long']);
      await broker.pause('default', false);
      await becomes('long', 'STARTED');
      await end('later', due + SOON_MS - Date.now());
      open();
      await end('long');
    });
  });
}

describe('a worker that stops while it is idle', () => {
  it('leaves a task that comes in that moment to another one, at once', async () => {
    const life = await startLife();
    const tasks = [defineTask('short', { run: () => Date.now() })];
    await startTestWorker(life.config, tasks, ONE_SLOT);
    for (let i = 0; i < 20; i++) {
      const leaving = await startTestWorker(life.config, tasks, ONE_SLOT);
      // Both are idle, and the one that leaves listens by now as well.
      await life.send('short', [`before${i}`]);
      await life.end(`before${i}`, SOON_MS);
      const left = leaving.stop(AbortSignal.abort());
      await life.send('short', [`s${i}`]);
      await life.end(`s${i}`, SOON_MS);
      await left;
    }
  });
});
