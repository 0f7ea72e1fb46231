import type { Scenario } from '../harness/scenario.ts';
import { sendFor } from '../harness/sending.ts';

const MANY = 64;

export const sendOne: Scenario = {
  name: 'sendOne',
  title: 'Send tasks one by one from one process',
  about:
    `A closed loop of one client with ${MANY} sends in flight, then with one after the other. A ` +
    'send counts when the client says that the task is stored. No worker runs. CPU is that of the ' +
    `sender and of the server, with ${MANY} in flight.`,
  columns: [
    { key: 'rate', label: `tasks/s, ${MANY} in flight` },
    { key: 'alone', label: 'tasks/s, one after the other' },
    { key: 'cpu', label: 'sender CPU, us/task' },
    { key: 'storeCpu', label: 'server CPU, us/task' },
  ],
  better: 'more',
  contestants: (bench) =>
    bench.peers
      .filter(({ send }) => send)
      .map((peer) => ({
        name: peer.title,
        peer: peer.name,
        settings: peer.sends ?? peer.settings,
        async run() {
          const inFlight = peer.sendsOneAtATime ? 1 : MANY;
          const many = await sendFor(bench, peer, { inFlight, chunk: 1 });
          if (peer.sendsOneAtATime) return { ...many, alone: many.rate ?? 0 };
          const { rate: alone = 0 } = await sendFor(bench, peer, { inFlight: 1, chunk: 1 });
          return { ...many, alone };
        },
      })),
};
