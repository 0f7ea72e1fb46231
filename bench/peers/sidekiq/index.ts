/** Sidekiq: threads of one process; the free version does not acknowledge. */
import { saidBy } from '../../harness/find.ts';
import type { Peer } from '../../harness/peer.ts';
import { BENCH } from '../../harness/places.ts';
import { resultsApart } from '../../harness/stores.ts';

const FOLDER = `${BENCH}peers/sidekiq`;
const ruby = (name: string) => ({ command: 'ruby', args: [`${FOLDER}/${name}.rb`] });

export const sidekiq: Peer = {
  name: 'sidekiq',
  title: 'Sidekiq',
  settings:
    'one process, 10 threads, as is its default; acknowledges nothing: a task that its process ' +
    'had is lost with it; stores no result: the task itself writes a key that lives for a day; ' +
    'log lines per task (into a file)',
  install: 'apt-get install ruby-sidekiq',
  tasks: 40_000,
  isOnRedis: true,
  // It waits for 15 seconds at least.
  retriesAtOnce: false,
  version: () => saidBy('sidekiq', ['--version']).then((text) => text?.split(' ').at(-1)),
  open: ({ redis }) => resultsApart(redis),
  fill: ruby('fill'),
  work: {
    command: 'sidekiq',
    args: ['--environment', 'production', '--require', `${FOLDER}/tasks.rb`],
  },
  send: ruby('send'),
  sends: 'perform_async, which waits for Redis each time, and perform_bulk',
  sendsOneAtATime: true,
  hasBulk: true,
};
