import type { Scenario } from '../harness/scenario.ts';
import { sendFor } from '../harness/sending.ts';

const CHUNK = 1000;

export const sendBulk: Scenario = {
  name: 'sendBulk',
  title: `Send tasks in bulk, ${CHUNK.toLocaleString('en-US')} at a time, from one process`,
  about:
    'A closed loop of one client, one bulk after the other. A task counts when the client says ' +
    'that its bulk is stored. No worker runs. CPU is that of the sender and of the server.',
  columns: [
    { key: 'rate', label: 'tasks/s' },
    { key: 'cpu', label: 'sender CPU, us/task' },
    { key: 'storeCpu', label: 'server CPU, us/task' },
  ],
  better: 'more',
  contestants: (bench) =>
    bench.peers
      .filter(({ send, hasBulk }) => send && hasBulk)
      .map((peer) => ({
        name: peer.title,
        peer: peer.name,
        settings: peer.sends ?? peer.settings,
        run: () => sendFor(bench, peer, { inFlight: 1, chunk: CHUNK }),
      })),
};
