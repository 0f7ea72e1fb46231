import { nodeScript, postgresPeer } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';

const NAME = 'graphile-worker';

export const graphileWorker: Peer = {
  ...postgresPeer(NAME),
  settings:
    'PostgreSQL as it comes, which flushes to disk; one worker, 24 tasks at once, 500 fetched ' +
    'at once and ended in batches, as its documentation advises for speed; stores no result: ' +
    'the task itself writes a row',
  tasks: 15_000,
  // It waits for seconds, longer each time.
  retriesAtOnce: false,
  async open({ postgres }) {
    const { open } = await postgres();
    // The table is made by the program that fills.
    return open('SELECT count(*) FROM results');
  },
  send: nodeScript(NAME, 'send'),
  sends: 'addJob on a pool of 10 connections, as is its default, and addJobs',
  hasBulk: true,
};
