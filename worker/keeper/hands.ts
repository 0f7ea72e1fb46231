/**
 * What the keeper's thread does for a loop that stands still: renews the worker's locks and tells that it lives.
 * It finds the locks in Redis, so tasks cost nothing here.
 */
import { HEARTBEAT_TTL_MS } from '../../shared/brokers/cluster.ts';
import { createKeys } from '../../shared/keys.ts';
import { createLog } from '../../shared/log.ts';
import { connectPatiently } from '../../shared/redis.ts';
import { redisTarget } from '../../shared/redisTarget.ts';
import { keepLocks } from '../../shared/scripts.ts';
import { LOCK_MS } from '../locks.ts';
import { createPulse } from '../pulse.ts';
import type { KeeperData } from './keeper.ts';
import type { Judgement } from './silence.ts';

/** Milliseconds of a stall that is told while it lasts; shorter ones are told at their end (stalls.ts). */
const TOLD_MS = 5000;
const NAMES_MAX = 10;

export function createHands({ config, worker, tokens, names, cells }: KeeperData) {
  const log = createLog(config, 'worker');
  // Outages are told by the main loop's connection.
  const quiet = log.child({}, { level: 'silent' });
  const redis = connectPatiently(redisTarget(config), quiet, LOCK_MS / 2000);
  const keys = createKeys(config.prefix, redis.options.db);
  const pulse = createPulse(names, cells);
  let isBusy = false;
  let told: Judgement['action'] = 'rest';

  /** One line when it begins to matter, one when the tasks are let go; the end is told by the main loop. */
  const tell = ({ action, silentMs }: Judgement): void => {
    if (silentMs === 0) told = 'rest';
    if (silentMs < TOLD_MS || action === told) return;
    told = action;
    const tasks = pulse.running().slice(0, NAMES_MAX);
    const fields = { blocked_s: Math.round(silentMs / 1000), tasks };
    if (action === 'keep')
      log.warn(fields, `the event loop is blocked; it keeps its tasks for ${config.stallLimit} s`);
    else log.error(fields, 'the event loop is blocked for too long; other workers take its tasks');
  };
  const keep = (silentMs: number, queues: readonly string[]): void => {
    if (isBusy || redis.status !== 'ready') return;
    isBusy = true;
    const times = { lockMs: LOCK_MS, ttlMs: HEARTBEAT_TTL_MS, silentMs };
    keepLocks(redis, keys, { worker, tokens, queues, ...times })
      .catch(() => undefined)
      .finally(() => {
        isBusy = false;
      });
  };

  /** @param queues whose tasks the worker may hold now */
  return (judgement: Judgement, queues: readonly string[]): void => {
    tell(judgement);
    if (judgement.action === 'keep') keep(judgement.silentMs, queues);
  };
}
