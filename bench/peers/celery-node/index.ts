import { NPM_INSTALL, nodeScript, npmVersion } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { resultsApart } from '../../harness/stores.ts';

const NAME = 'celery-node';

export const celeryNode: Peer = {
  name: NAME,
  title: NAME,
  settings:
    'one worker, which takes one task after the other without acknowledging any; Redis as broker ' +
    'and for results, which are kept for a day; log lines per task (into a file)',
  install: NPM_INSTALL,
  tasks: 40_000,
  isOnRedis: true,
  retriesAtOnce: false,
  version: () => npmVersion(NAME),
  open: ({ redis }) => resultsApart(redis),
  fill: nodeScript(NAME, 'fill'),
  work: nodeScript(NAME, 'work'),
};
