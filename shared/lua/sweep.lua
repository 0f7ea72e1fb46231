-- Removes results of a queue whose time is over, or of which there are too many, the oldest first: for
-- so long only that nobody else waits for Redis. All it writes is removal, which a full Redis takes.
--
-- KEYS[1]  base of the queue, "<prefix>:<queue>:"
-- ARGV[1]  seconds that results are kept where the queue's workers have not said it
-- ARGV[2]  which share of that they get: 1, or less while memory is short
-- ARGV[3]  how many are kept of each outcome
-- Returns  { how many were removed, 1 when there may be more }
local base, share, max = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- Large values take some 100 us each to be freed: ten of them, behind the last look at the time.
local BUDGET_US, AT_ONCE = 2000, 10
-- Whoever waits for a result gets it, however short memory is.
local YOUNG_MS = 10000

local function micros()
  local clock = redis.call('TIME')
  return clock[1] * 1000000 + clock[2]
end
local began = micros()
local kept = redis.call('HGET', base .. 'meta', 'kaje.resultExpires') or ARGV[1]
local life = kept * 1000 * share
if share < 1 then
  life = math.max(life, math.min(kept * 1000, YOUNG_MS))
end
local oldest = string.format('%.0f', math.floor(began / 1000) - life)

-- @use removal

local removed = 0
local function remove(set, ids)
  for _, id in ipairs(ids) do
    -- Of an id that was sent again, the new task stays.
    local job = redis.call('HMGET', base .. id, 'finishedOn', 'deid')
    if job[1] then
      removeKeys(base, id, job[2])
    end
  end
  redis.call('ZREM', set, unpack(ids))
  removed = removed + #ids
end

-- Whether there was time for all of them.
local function removeAll(set, next)
  repeat
    local ids = next()
    if #ids > 0 then
      remove(set, ids)
    end
    if #ids == AT_ONCE and micros() - began > BUDGET_US then
      return false
    end
  until #ids < AT_ONCE
  return true
end

local function sweep(set)
  local function expired()
    return redis.call('ZRANGEBYSCORE', set, '-inf', oldest, 'LIMIT', 0, AT_ONCE)
  end
  local function tooMany()
    local over = math.min(AT_ONCE, redis.call('ZCARD', set) - max)
    return over > 0 and redis.call('ZRANGE', set, 0, over - 1) or {}
  end
  return removeAll(set, expired) and removeAll(set, tooMany)
end

local isDone = sweep(base .. 'completed') and sweep(base .. 'failed')
return { removed, isDone and 0 or 1 }
