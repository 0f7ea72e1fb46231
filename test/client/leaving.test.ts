/** A signal may live as long as its process: what has ended leaves nothing on it. */
import { getEventListeners } from 'node:events';
import { eventually } from '../support/eventually.ts';
import { overBothTransports } from './connect.ts';

const listenersOn = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

describe('a signal of the caller', () => {
  overBothTransports((connect, transport) => {
    it('is let go of after a get(), whether it was ready at once, later, or not in time', async () => {
      const { kaje } = await connect();
      const { signal } = new AbortController();
      const sent = await kaje.sendTask('add', { a: 1, b: 2 });
      for (let i = 0; i < 5; i++) await sent.get({ signal, timeout: 10 });
      const late = await kaje.sendTask('add', { a: 1, b: 2 }, { countdown: 60 });
      await late.get({ signal, timeout: 0.05 }).catch(() => undefined);
      await eventually(() => listenersOn(signal) === 0);
    });

    // Over HTTP it is in the hands of fetch, which lets go of it when the request is collected.
    if (transport === 'HTTP') return;
    it('is let go of after a loop over the events of a task, and of the cluster', async () => {
      const { kaje } = await connect();
      const { signal } = new AbortController();
      const sent = await kaje.sendTask('add', { a: 1, b: 2 });
      for await (const _ of sent.events({ signal }));
      for await (const _ of sent.events({ signal })) break;
      const more = setInterval(() => kaje.sendTask('add', { a: 1, b: 2 }), 100);
      for await (const _ of kaje.events({ signal })) break;
      clearInterval(more);
      await eventually(() => listenersOn(signal) === 0);
    });
  });
});
