/** All that take part, in the order of the tables. */
import type { Peer } from '../harness/peer.ts';
import { ROOT } from '../harness/places.ts';
import { beeQueue } from './bee-queue/index.ts';
import { bullmq } from './bullmq/index.ts';
import { celeries } from './celery/index.ts';
import { celeryNode } from './celery-node/index.ts';
import { graphileWorker } from './graphile-worker/index.ts';
import { createKaje } from './kaje/index.ts';
import { nodeResque } from './node-resque/index.ts';
import { pgBoss } from './pg-boss/index.ts';
import { rq } from './rq/index.ts';
import { sidekiq } from './sidekiq/index.ts';

/** @param before another checkout of Kaje, built, to compare with */
export async function allPeers(before: string | undefined): Promise<Peer[]> {
  const earlier = before === undefined ? [] : [createKaje('kaje-before', before)];
  return [
    ...[createKaje('kaje', ROOT), ...earlier, bullmq, beeQueue],
    ...[...(await celeries()), await rq(), sidekiq],
    ...[nodeResque, celeryNode, pgBoss, graphileWorker],
  ];
}
