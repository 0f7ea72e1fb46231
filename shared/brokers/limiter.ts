/** Limits that were set at run time, and the slots of tasks that wait for their turn. */
import type { Redis } from 'ioredis';
import { InvalidRequestError } from '../errors.ts';
import type { Keys } from '../keys.ts';
import { intervalOf, isRateLimit } from '../rate.ts';
import { answered } from '../redis.ts';
import type { TaskSpec } from '../registry.ts';
import { SCHEMAS, type TaskLimitsRequest } from '../schemas.ts';
import { replaceField } from '../scripts.ts';
import { limitsProblem } from '../taskOptions.ts';
import { respace } from '../turns.ts';
import { check } from '../validation.ts';

/** Tasks read, and slots given, in one call: Redis is never long busy. */
const AT_ONCE = 500;

/** The limits of a task: those that were set, else its own; 0 = none. */
export function limitsIn(set: TaskLimitsRequest, own: TaskLimitsRequest) {
  const rate = set.rate_limit ?? own.rate_limit ?? null;
  return {
    intervalMs: rate === null ? 0 : (intervalOf(rate) ?? 0),
    maxConcurrency: set.max_concurrency ?? own.max_concurrency ?? 0,
    timeLimit: set.time_limit ?? own.time_limit ?? undefined,
    softTimeLimit: set.soft_time_limit ?? own.soft_time_limit ?? undefined,
  };
}

/** Every limit that was set at run time, by the name of its task. */
export async function readLimits(
  redis: Redis,
  keys: Keys,
): Promise<ReadonlyMap<string, TaskLimitsRequest>> {
  const stored = Object.entries(await redis.hgetall(keys.limits));
  return new Map(stored.map(([task, json]) => [task, JSON.parse(json)]));
}

export function createLimiter(redis: Redis, keys: Keys) {
  /** Merges into what is set; anew if somebody else has set something meanwhile. */
  const merge = async ({ name, options }: TaskSpec, limits: TaskLimitsRequest) => {
    for (;;) {
      const json = (await answered(redis, redis.hget(keys.limits, name))) ?? '';
      const before: TaskLimitsRequest = json === '' ? {} : JSON.parse(json);
      const set = withoutNull({ ...before, ...limits });
      refuseSoftAboveHard(limitsIn(set, options), limits);
      // Emptied, not taken out: what is missing was lost, and workers put it back (worker/limits.ts).
      const isNothing = json === '' && Object.keys(set).length === 0;
      const after = isNothing ? '' : JSON.stringify(set);
      const change = { key: keys.limits, field: name, before: json, after };
      if (await answered(redis, replaceField(redis, change))) return set;
    }
  };

  /** In their order. From the end: those that leave do so at the front, and would move the others up. */
  const readLine = async (task: string): Promise<string[]> => {
    const backwards: string[] = [];
    for (let from = 0; ; from += AT_ONCE) {
      const range = redis.zrevrange(keys.reserved(task), from, from + AT_ONCE - 1);
      const portion = await answered(redis, range);
      backwards.push(...portion);
      // Some were read twice if others have come to the end meanwhile.
      if (portion.length < AT_ONCE) return [...new Set(backwards)].reverse();
    }
  };

  /** Tasks that have a slot get a new one at the new pace, in their order. */
  const spaceAnew = async (task: string, intervalMs: number): Promise<void> => {
    const now = await redisNow(redis);
    const last = Number(await answered(redis, redis.get(keys.rate(task))));
    let slot = Math.max(now, last + intervalMs);
    const waiting = await readLine(task);
    for (let from = 0; from < waiting.length; from += AT_ONCE) {
      const jobs = waiting.slice(from, from + AT_ONCE);
      slot = await answered(redis, respace(redis, keys.reserved(task), jobs, { intervalMs, slot }));
    }
  };

  return {
    /**
     * Merges: a field that is absent stays as it is, null gives it back to the task.
     * @throws InvalidRequestError for what is no limit, or for a soft limit that is not below the hard one
     */
    async setLimits(spec: TaskSpec, limits: TaskLimitsRequest): Promise<TaskLimitsRequest> {
      refuseMisshapen(limits);
      refuseNoRate(limits.rate_limit);
      const set = await merge(spec, limits);
      const { intervalMs } = limitsIn(set, spec.options);
      // Also of a rate that was set before: it may have failed half-way then.
      const isNamed = limits.rate_limit !== undefined;
      // Where there is no rate any more, workers let all go on that wait for it (turns.lua).
      if (isNamed && intervalMs > 0) await spaceAnew(spec.name, intervalMs);
      return set;
    },
  };
}

function withoutNull(limits: TaskLimitsRequest): TaskLimitsRequest {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== null));
}

function refuseMisshapen(limits: TaskLimitsRequest): void {
  const errors = check(SCHEMAS.TaskLimits, limits);
  if (errors.length > 0) throw new InvalidRequestError(errors);
}

function refuseNoRate(rate: string | null | undefined): void {
  if (rate === undefined || rate === null || rate === '0' || isRateLimit(rate)) return;
  const message = `expected a rate such as 10/s, 100/m or 1000/h, 0 for none, got "${rate}"`;
  throw new InvalidRequestError([{ path: '/rate_limit', message }]);
}

function refuseSoftAboveHard(
  { timeLimit, softTimeLimit }: ReturnType<typeof limitsIn>,
  limits: TaskLimitsRequest,
): void {
  // 0 is none.
  const problem = limitsProblem(softTimeLimit || undefined, timeLimit || undefined);
  if (problem === undefined) return;
  const path = limits.soft_time_limit === undefined ? '/time_limit' : '/soft_time_limit';
  throw new InvalidRequestError([{ path, message: `expected ${problem}` }]);
}

async function redisNow(redis: Redis): Promise<number> {
  const [seconds, micros] = await answered(redis, redis.time());
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
