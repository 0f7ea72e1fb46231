import { NPM_INSTALL, nodeScript, npmVersion } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { postgresVersion } from '../../harness/postgres.ts';

const NAME = 'graphile-worker';

export const graphileWorker: Peer = {
  name: NAME,
  title: NAME,
  settings:
    'PostgreSQL as it comes, which flushes to disk; one worker, 24 tasks at once, 500 fetched ' +
    'at once and ended in batches, as its documentation advises for speed; stores no result: ' +
    'the task itself writes a row',
  install: `apt-get install postgresql; ${NPM_INSTALL}`,
  tasks: 15_000,
  isOnRedis: false,
  // It waits for seconds, longer each time.
  retriesAtOnce: false,
  async version() {
    const [own, server] = [await npmVersion(NAME), await postgresVersion()];
    return own && server && `${own} on PostgreSQL ${server}`;
  },
  async open({ postgres }) {
    const { open } = await postgres();
    // The table is made by the program that fills.
    return open('SELECT count(*) FROM results');
  },
  fill: nodeScript(NAME, 'fill'),
  work: nodeScript(NAME, 'work'),
  send: nodeScript(NAME, 'send'),
  sends: 'addJob on a pool of 10 connections, as is its default, and addJobs',
  hasBulk: true,
};
