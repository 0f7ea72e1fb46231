import { npmPeer } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { resultsApart } from '../../harness/stores.ts';

const NAME = 'celery-node';

export const celeryNode: Peer = {
  ...npmPeer(NAME),
  settings:
    'one worker, which takes one task after the other without acknowledging any; Redis as broker ' +
    'and for results, which are kept for a day; log lines per task (into a file)',
  tasks: 40_000,
  isOnRedis: true,
  retriesAtOnce: false,
  open: ({ redis }) => resultsApart(redis),
};
