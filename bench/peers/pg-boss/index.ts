import { nodeScript, postgresPeer } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';

const NAME = 'pg-boss';

export const pgBoss: Peer = {
  ...postgresPeer(NAME),
  settings:
    'PostgreSQL as it comes, which flushes to disk; one worker that takes 1,000 at once and ' +
    'looks twice a second, the most often that it can; results kept as is its default',
  tasks: 20_000,
  // It takes a thousand at once.
  leastTasks: 6000,
  // A batch fails as a whole.
  retriesAtOnce: false,
  async open({ postgres }) {
    const { open } = await postgres();
    return open("SELECT count(*) FROM pgboss.job WHERE name = 'bench' AND state = 'completed'");
  },
  send: nodeScript(NAME, 'send'),
  sends: 'send on a pool of 10 connections, as is its default, and insert',
  hasBulk: true,
};
