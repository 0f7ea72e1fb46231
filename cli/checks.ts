/** What `kaje doctor` looks at: each check says what it found and what to do about it. */
import type { Redis } from 'ioredis';
import { createRedisClock } from '../shared/brokers/clock.ts';
import { readWorkers } from '../shared/brokers/cluster.ts';
import type { Config } from '../shared/config.ts';
import { reasonOf } from '../shared/errorText.ts';
import { createKeys } from '../shared/keys.ts';
import { answered } from '../shared/redis.ts';
import type { QueueBody, RegistryEntry, WorkerBody } from '../shared/schemas.ts';
import { withoutSecrets } from '../shared/secrets.ts';
import { isNewEnough } from './findRedis.ts';
import { ahead } from './output.ts';

export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly advice?: string;
}

const PINGS = 50;

export async function checkRedis(
  redis: Redis,
  { redisUrl, redisMemoryLimit }: Pick<Config, 'redisUrl' | 'redisMemoryLimit'>,
): Promise<Finding[]> {
  try {
    const info = parseInfo(await answered(redis, redis.info()));
    return [
      { check: 'redis', status: 'ok', found: `${withoutSecrets(redisUrl)} answers` },
      checkVersion(info),
      checkEviction(info),
      checkPersistence(info),
      checkMemory(info, redisMemoryLimit),
      await checkLatency(redis),
      await checkClock(redis),
    ];
  } catch (error) {
    const found = `${withoutSecrets(redisUrl)}: ${reasonOf(error)}`;
    return [{ check: 'redis', status: 'fail', found, advice: adviceFor(found) }];
  }
}

/** What to do about a Redis that is there and lets nobody in, by what was found. */
const ADMISSION: readonly (readonly [RegExp, string])[] = [
  [
    /refuses database/,
    'give the number of a database that Redis has, at the end of the URL: CONFIG GET databases',
  ],
  [/NOAUTH|WRONGPASS/, 'give its login in the URL: redis://user:password@host:6379'],
  [/KAJE_REDIS_CA|KAJE_REDIS_CERT/, 'give the files (PEM) that TLS needs, by these settings'],
];

function adviceFor(found: string): string {
  const known = ADMISSION.find(([pattern]) => pattern.test(found))?.[1];
  return known ?? 'start Redis, or give its address with --redis-url or KAJE_REDIS_URL';
}

type Info = Readonly<Record<string, string>>;

function parseInfo(text: string): Info {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}

function checkVersion(info: Info): Finding {
  const found = info.valkey_version
    ? `Valkey ${info.valkey_version}`
    : `Redis ${info.redis_version}`;
  if (isNewEnough(info.redis_version ?? '0')) return { check: 'version', status: 'ok', found };
  return { check: 'version', status: 'fail', found, advice: 'use Redis 6.2 or newer, or Valkey' };
}

function checkEviction({ maxmemory_policy: policy = 'unknown' }: Info): Finding {
  const check = 'eviction';
  if (policy === 'noeviction') return { check, status: 'ok', found: policy };
  const advice =
    'with this policy a full Redis drops tasks: CONFIG SET maxmemory-policy noeviction';
  return { check, status: 'fail', found: policy, advice };
}

function checkPersistence(info: Info): Finding {
  const check = 'persistence';
  if (info.aof_enabled === '1') {
    const isFine = info.aof_last_write_status === 'ok';
    const advice = 'Redis cannot write its AOF: look at its log and the disk';
    return isFine
      ? { check, status: 'ok', found: 'AOF is on' }
      : { check, status: 'fail', found: 'AOF is on, but the last write failed', advice };
  }
  const advice =
    'a restart of Redis loses tasks: CONFIG SET appendonly yes, and appendfsync everysec';
  return { check, status: 'warn', found: 'AOF is off', advice };
}

function checkMemory(info: Info, percent: number): Finding {
  const used = Number(info.used_memory);
  const max = Number(info.maxmemory);
  const found = `${info.used_memory_human} used of ${max === 0 ? 'all there is' : info.maxmemory_human}`;
  if (max === 0 || used * 100 < percent * max) return { check: 'memory', status: 'ok', found };
  const advice = `above ${percent} % (KAJE_REDIS_MEMORY_LIMIT) tasks are refused and results go before their time: raise maxmemory or shorten KAJE_RESULT_EXPIRES`;
  return { check: 'memory', status: 'warn', found, advice };
}

async function checkLatency(redis: Redis): Promise<Finding> {
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const at = performance.now();
    await answered(redis, redis.ping());
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  const median = times[PINGS / 2] ?? 0;
  const found = `ping ${median.toFixed(2)} ms, slowest of ${PINGS} ${(times.at(-1) ?? 0).toFixed(2)} ms`;
  if (median < 5) return { check: 'latency', status: 'ok', found };
  return {
    check: 'latency',
    status: 'warn',
    found,
    advice: 'put Redis nearer: each task needs two round trips',
  };
}

/** Milliseconds that a clock may differ from that of Redis. */
const APART_MS = 1000;
export const isRight = (aheadMs: number) => Math.abs(aheadMs) < APART_MS;
export const SYNCHRONISE =
  'tasks are due by the clock of Redis; log lines, and an eta made by a wrong clock, are that much off: synchronise by NTP';

async function checkClock(redis: Redis): Promise<Finding> {
  const clock = createRedisClock(redis);
  await answered(redis, Promise.resolve(clock.read()));
  const found = `this machine is ${ahead(clock.aheadMs())} from Redis`;
  if (isRight(clock.aheadMs())) return { check: 'clock', status: 'ok', found };
  return { check: 'clock', status: 'warn', found, advice: SYNCHRONISE };
}

export async function checkWorkers(
  redis: Redis,
  { prefix }: Pick<Config, 'prefix'>,
): Promise<Finding[]> {
  const keys = createKeys(prefix);
  const [workers, tasks] = await Promise.all([readWorkers(redis, keys), redis.hlen(keys.registry)]);
  const found = `${workers.length} alive, ${tasks} tasks known`;
  if (workers.length > 0) return [{ check: 'workers', status: 'ok', found }, clocksOf(workers)];
  return [
    { check: 'workers', status: 'warn', found, advice: 'start one: kaje worker --tasks <folder>' },
  ];
}

function clocksOf(workers: readonly WorkerBody[]): Finding {
  const check = 'clocks';
  const clocks = (some: readonly WorkerBody[]) =>
    some.map((worker) => `${worker.id} ${ahead(worker.clock_ahead_ms)}`).join(', ');
  const wrong = workers.filter((worker) => !isRight(worker.clock_ahead_ms));
  if (wrong.length === 0) {
    const most = Math.max(...workers.map((worker) => Math.abs(worker.clock_ahead_ms)));
    return { check, status: 'ok', found: `workers are at most ${most} ms from Redis` };
  }
  const found = `workers are a second or more from Redis: ${clocks(wrong)}`;
  return { check, status: 'warn', found, advice: SYNCHRONISE };
}

/**
 * Tasks that nobody will ever take: they wait already, or will as soon as they are sent.
 * @param parked how many of a task wait for a worker that has it, by its name
 */
export function checkQueues(
  queues: readonly QueueBody[],
  tasks: readonly RegistryEntry[],
  parked: ReadonlyMap<string, number>,
): Finding[] {
  return [checkWaiting(queues), checkRoutes(queues, tasks, parked)];
}

const heldIn = (queue: QueueBody) => queue.waiting + queue.delayed;
const listed = (queues: readonly QueueBody[]) =>
  queues.map((queue) => `${queue.name} (${heldIn(queue)})`).join(', ');

function checkWaiting(queues: readonly QueueBody[]): Finding {
  const check = 'queues';
  const full = queues.filter((queue) => heldIn(queue) > 0);
  const left = full.filter((queue) => queue.workers.length === 0);
  const paused = full.filter((queue) => queue.paused);
  if (left.length > 0) {
    const advice = `start a worker for them: --queues ${left.map(({ name }) => name).join(',')}`;
    const found = `tasks wait where no worker is: ${listed(left)}`;
    return { check, status: 'warn', found, advice };
  }
  if (paused.length > 0) {
    const advice = `when they may go on: ${paused.map(({ name }) => `kaje resume ${name}`).join(', ')}`;
    return {
      check,
      status: 'warn',
      found: `tasks wait in paused queues: ${listed(paused)}`,
      advice,
    };
  }
  const waiting = queues.reduce((total, queue) => total + queue.waiting, 0);
  return { check, status: 'ok', found: `${queues.length} known, ${waiting} tasks wait` };
}

function checkRoutes(
  queues: readonly QueueBody[],
  tasks: readonly RegistryEntry[],
  parked: ReadonlyMap<string, number>,
): Finding {
  const check = 'tasks';
  const consumers = new Map(queues.map(({ name, workers }) => [name, new Set(workers)]));
  const served = tasks.filter((task) => task.workers.length > 0);
  // Another worker on the queue is no help: it parks what it does not know.
  const lost = served.filter(
    ({ options, workers }) => !workers.some((id) => consumers.get(options.queue)?.has(id)),
  );
  if (lost.length > 0) {
    const each = lost.map(({ name, options }) => `${name} (queue ${options.queue})`).join(', ');
    const missing = [...new Set(lost.map(({ options }) => options.queue))].join(',');
    const advice = `add to --queues (KAJE_QUEUES) of the workers that serve them: ${missing}`;
    const found = `no worker that has it consumes the queue of: ${each}`;
    return { check, status: 'warn', found, advice };
  }
  if (parked.size > 0) {
    const each = [...parked].map(([name, count]) => `${name} (${count})`).join(', ');
    const advice = 'start a worker with the modules that define them: kaje worker --tasks <folder>';
    return { check, status: 'warn', found: `tasks wait that no worker alive has: ${each}`, advice };
  }
  // Those of workers long gone: nobody may send them any more.
  const gone = tasks.filter((task) => task.workers.length === 0).map(({ name }) => name);
  const also = gone.length === 0 ? '' : `; no worker alive has ${gone.join(', ')}`;
  const found = `${served.length} served, each by a worker on its queue${also}`;
  return { check, status: 'ok', found };
}
