import { nodeScript, npmPeer } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { resultsApart } from '../../harness/stores.ts';

const NAME = 'node-resque';

export const nodeResque: Peer = {
  ...npmPeer(NAME),
  settings:
    'a MultiWorker of 10 in one process, as is its default, all there within a second; stores ' +
    'no result: the task itself writes a key that lives for a day',
  tasks: 30_000,
  isOnRedis: true,
  retriesAtOnce: false,
  open: ({ redis }) => resultsApart(redis),
  send: nodeScript(NAME, 'send'),
  sends: 'Queue.enqueue; there is no call that sends many',
};
