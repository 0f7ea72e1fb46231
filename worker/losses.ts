/**
 * Who is charged when a worker is lost; see docs/decisions/014-poison.md. The first loss makes a task
 * a suspect and counts. From then on it runs apart, in a process of its own (steps/quarantine.ts), and
 * only losses that were its own count.
 */

import { runScript } from '../shared/lua.ts';
import type { Redis } from '../shared/redis.ts';
import { LOCK_MS, LOCK_RENEW_MS } from './locks.ts';

/** Losses charged to a task that make it FAILURE. */
export const LOSSES_MAX = 3;
/**
 * Runs apart that a task may lose beside others without being charged: more than any innocent one
 * will, but an end for one that takes its whole machine down each time.
 */
const SPARED_MAX = 20;
/** Milliseconds in which tasks count as lost together: their locks run out within 7 s. */
const TOGETHER_MS = 15_000;

/** Charges a task whose own process was lost in this start; answers how many losses it is charged with, 0 if it is gone. */
export function chargeLoss(redis: Redis, job: string, start: number): Promise<number> {
  return runScript(redis, 'chargeLoss', [job], [start]);
}

/** Notes that this start of a task runs apart: until then a loss of its worker is not charged to it. */
export function noteApart(redis: Redis, job: string, start: number): Promise<unknown> {
  return runScript(redis, 'noteApart', [job], [start]);
}

/** In BullMQ's look for lost tasks: what it compares with the number of losses that it forgives. */
export const CHARGES_OWN_LOSSES = {
  from: 'rcall("HINCRBY", jobKey, "stc", 1)',
  to: 'kajeCharge(queueKeyPrefix, jobId)',
  lua: `
-- Whether somebody renews its lock still: a worker that was started anew under the name of the lost one.
local function kajeIsKept(key)
  return redis.call("PTTL", key .. ":lock") > ${LOCK_MS - LOCK_RENEW_MS}
end

-- Whether its worker held nothing else, in any queue: another task of it is active or was just lost.
local function kajeWasAlone(prefix, key, worker, lately)
  if lately and lately ~= key then
    return false
  end
  for _, queue in ipairs(redis.call("SMEMBERS", prefix .. ".queues")) do
    local base = prefix .. ":" .. queue .. ":"
    for _, id in ipairs(redis.call("LRANGE", base .. "active", 0, -1)) do
      local other = base .. id
      if other ~= key and redis.call("HGET", other, "pb") == worker and not kajeIsKept(other) then
        return false
      end
    end
  end
  return true
end

local function kajeCharge(base, id)
  local key = base .. id
  local prefix = string.match(base, "^(.*):[^:]+:$")
  local job = redis.call("HMGET", key, "stc", "ats", "apart", "pb")
  local charged, worker = tonumber(job[1]) or 0, job[4] or ""
  local note = prefix .. ".lost:" .. worker
  local lately = redis.call("GET", note)
  redis.call("SET", note, key, "PX", ${TOGETHER_MS})
  if charged == 0 then
    return redis.call("HINCRBY", key, "stc", 1)
  end
  if job[3] ~= job[2] then
    -- It waited for its turn to run apart, or was charged with the loss of its process.
    return charged
  end
  if kajeWasAlone(prefix, key, worker, lately) then
    return redis.call("HINCRBY", key, "stc", 1)
  end
  return redis.call("HINCRBY", key, "spared", 1) < ${SPARED_MAX} and charged or ${LOSSES_MAX}
end
`,
};
