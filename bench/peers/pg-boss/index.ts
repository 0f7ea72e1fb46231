import { NPM_INSTALL, nodeScript, npmVersion } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { postgresVersion } from '../../harness/postgres.ts';

const NAME = 'pg-boss';

export const pgBoss: Peer = {
  name: NAME,
  title: NAME,
  settings:
    'PostgreSQL as it comes, which flushes to disk; one worker that takes 1,000 at once and ' +
    'looks twice a second, the most often that it can; results kept as is its default',
  install: `apt-get install postgresql; ${NPM_INSTALL}`,
  tasks: 20_000,
  // It takes a thousand at once.
  leastTasks: 6000,
  isOnRedis: false,
  // A batch fails as a whole.
  retriesAtOnce: false,
  async version() {
    const [own, server] = [await npmVersion(NAME), await postgresVersion()];
    return own && server && `${own} on PostgreSQL ${server}`;
  },
  async open({ postgres }) {
    const { open } = await postgres();
    return open("SELECT count(*) FROM pgboss.job WHERE name = 'bench' AND state = 'completed'");
  },
  fill: nodeScript(NAME, 'fill'),
  work: nodeScript(NAME, 'work'),
  send: nodeScript(NAME, 'send'),
  sends: 'send on a pool of 10 connections, as is its default, and insert',
  hasBulk: true,
};
