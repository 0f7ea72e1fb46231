import { NPM_INSTALL, nodeScript, npmVersion } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { resultsApart } from '../../harness/stores.ts';

const NAME = 'node-resque';

export const nodeResque: Peer = {
  name: NAME,
  title: NAME,
  settings:
    'a MultiWorker of 10 in one process, as is its default, all there within a second; stores ' +
    'no result: the task itself writes a key that lives for a day',
  install: NPM_INSTALL,
  tasks: 30_000,
  isOnRedis: true,
  retriesAtOnce: false,
  version: () => npmVersion(NAME),
  open: ({ redis }) => resultsApart(redis),
  fill: nodeScript(NAME, 'fill'),
  work: nodeScript(NAME, 'work'),
  send: nodeScript(NAME, 'send'),
  sends: 'Queue.enqueue; there is no call that sends many',
};
