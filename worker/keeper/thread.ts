/**
 * The keeper's thread: renews the worker's locks and tells that it lives while the main loop stands
 * still, or its connection does. It finds the locks in Redis, so tasks cost nothing here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { HEARTBEAT_TTL_MS } from '../../shared/brokers/cluster.ts';
import { createKeys } from '../../shared/keys.ts';
import { createLog } from '../../shared/log.ts';
import { connectPatiently } from '../../shared/redis.ts';
import { redisTarget } from '../../shared/redisTarget.ts';
import { keepLocks } from '../../shared/scripts.ts';
import { LOCK_MS } from '../locks.ts';
import { createPulse, readPulse } from '../pulse.ts';
import type { KeeperData } from './keeper.ts';
import { createJudge, type Judgement } from './silence.ts';

const LOOK_MS = 500;
/** Milliseconds of a stall that is told while it lasts; shorter ones are told at their end (stalls.ts). */
const TOLD_MS = 5000;
const NAMES_MAX = 10;

const { config, worker, tokens, names, cells }: KeeperData = workerData;
const log = createLog(config, 'worker');
// Outages are told by the main loop's connection.
const quiet = log.child({}, { level: 'silent' });
const redis = connectPatiently(redisTarget(config), quiet, LOCK_MS / 2000);
const keys = createKeys(config.prefix, redis.options.db);
const pulse = createPulse(names, cells);
const judge = createJudge(config.stallLimit * 1000, LOOK_MS);
let queues: readonly string[] = [];
let isBusy = false;
let told: Judgement['action'] = 'rest';

parentPort?.on('message', (consumed: readonly string[]) => {
  queues = consumed;
});
setInterval(look, LOOK_MS);

function look(): void {
  const judgement = judge(readPulse(cells), performance.now());
  tell(judgement);
  if (judgement.action !== 'keep' || isBusy || redis.status !== 'ready') return;
  isBusy = true;
  keepLocks(redis, keys, {
    worker,
    tokens,
    queues,
    lockMs: LOCK_MS,
    ttlMs: HEARTBEAT_TTL_MS,
    silentMs: judgement.silentMs,
  })
    .catch(() => undefined)
    .finally(() => {
      isBusy = false;
    });
}

/** One line when it begins to matter, one when the tasks are let go; the end is told by the main loop. */
function tell({ action, silentMs }: Judgement): void {
  if (silentMs === 0) told = 'rest';
  if (silentMs < TOLD_MS || action === told) return;
  told = action;
  const tasks = pulse.running().slice(0, NAMES_MAX);
  const fields = { blocked_s: Math.round(silentMs / 1000), tasks };
  if (action === 'keep')
    log.warn(fields, `the event loop is blocked; it keeps its tasks for ${config.stallLimit} s`);
  else log.error(fields, 'the event loop is blocked for too long; other workers take its tasks');
}
