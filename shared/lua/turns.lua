-- Turns of a task with a rate limit or a concurrency limit, over the whole cluster.
--
-- Concurrency: those that run, and those that were put back to their queues to run next, stand in
-- `running`; the others are parked, in the order in which they came. Whoever ends passes its turn on.
-- Rate: a task that cannot start at once reserves the next free slot and comes back for it, so that
-- a thousand limited tasks cost a thousand visits, not a thousand a second, and stay in order. One
-- that comes back late, behind a long queue, may start if the starts of the last moment allow it
-- (GCRA): slots that passed while all workers were away must not all be used at once.
--
-- KEYS[1]  rate (STRING: when the last one should have started), KEYS[2] reserved (ZSET job -> slot)
-- KEYS[3]  running (ZSET job -> when it was seen; below 0: see hasLastCall), KEYS[4] parked (ZSET job -> since when); all epoch ms
-- KEYS[5]  limits that were set at run time (HASH task -> JSON): they hold from here on, whatever a
--          worker has heard of them
-- ARGV[1]  "take": may this job start now? "end": it has ended; "tend": look after those that wait
-- ARGV[2]  the job's key, or ""; ARGV[3] the task
-- ARGV[4]  the task's own ms between two starts, ARGV[5] its own runs at once; 0 = no limit
-- Returns  of take { "go" } | { "later", ms } | { "parked" }: until one that runs has ended;
--          else how many may go on now
local op, job, interval, max = ARGV[1], ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local RATE, RESERVED, RUNNING, PARKED = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- 10/s, 100/m, 1000/h, as shared/rate.ts reads it.
local function intervalOf(rate)
  local count, unit = string.match(rate, '^%s*([%d.]+)/?([smh]?)%s*$')
  count = tonumber(count) or 0
  local per = { s = 1000, m = 60000, h = 3600000 }
  return count > 0 and (per[unit] or 1000) / count or 0
end

local set = redis.call('HGET', KEYS[5], ARGV[3])
if set then
  local limits = cjson.decode(set)
  interval = limits.rate_limit and intervalOf(limits.rate_limit) or interval
  max = limits.max_concurrency or max
end

-- What is late by no more than this counts as on time: due tasks wake up some 100 ms late.
local LATE = 500
-- Comes back earlier than its slot by no more: this clock was set back a little meanwhile.
local EARLY = 20
-- One whose turn it is and that does not come: its queue has no worker.
local ABSENT = 60000
-- One that was taken and not seen for so long since: either its queue has no worker any more, or
-- nobody could look, for Redis was away. Its worker has so long to come back.
local LAST_CALL = 10000
-- For how long the last start is known though the rate allows others: it may be made slower.
local KEPT = 60000
-- A slot that nobody has come for in an hour.
local FORGOTTEN = 3600000
-- Tasks looked at in one call, so that nobody else waits long.
local AT_ONCE = 500

-- @use delayed

-- @use room

local function isDelayed(key)
  local base, id = baseAndId(key)
  return redis.call('ZSCORE', base .. 'delayed', id)
end

-- To the front of its queue. Of several, one that is less `behind` stands before.
local function putBack(key, behind)
  local base, id = baseAndId(key)
  redis.call('HSET', key, 'delay', 0)
  local priority = tonumber(redis.call('HGET', key, 'priority')) or 0
  if priority > 0 then
    -- BullMQ counts up from here: what is below comes before all of this priority.
    redis.call('ZADD', base .. 'prioritized', priority * 0x100000000 - AT_ONCE + behind, id)
  else
    redis.call('RPUSH', base .. 'wait', id)
  end
  redis.call('XADD', base .. 'events', 'MAXLEN', '~', 100, '*', 'event', 'waiting', 'jobId', id, 'prev', 'delayed')
  if redis.call('HEXISTS', base .. 'meta', 'paused') == 0 then
    redis.call('ZADD', base .. 'marker', 0, '0')
  end
end

-- Takes the foremost parked ones out of the line.
local function unpark(count)
  local due, at = {}, 0
  while #due < count and at < AT_ONCE do
    local key = redis.call('ZRANGE', PARKED, at, at)[1]
    if not key then
      break
    end
    local base, id = baseAndId(key)
    if redis.call('ZREM', base .. 'delayed', id) == 1 then
      due[#due + 1] = key
      redis.call('ZREM', PARKED, key)
    elseif isOver(key) then
      redis.call('ZREM', PARKED, key)
    else
      -- On its way into the line, or out of it by itself.
      at = at + 1
    end
  end
  return due
end

-- Gives the free places to those that have waited longest.
local function passOn()
  local free = AT_ONCE
  if max > 0 then
    free = math.min(AT_ONCE, max - redis.call('ZCARD', RUNNING))
  end
  local due = unpark(free)
  for i = #due, 1, -1 do
    putBack(due[i], i)
    if max > 0 then
      redis.call('ZADD', RUNNING, now, due[i])
    end
  end
  return #due
end

-- Of one that was taken: a negative time in `running` is the end of its last call.
local function hasLastCall(key, seen)
  local base, id = baseAndId(key)
  if seen < 0 or not redis.call('LPOS', base .. 'active', id) then
    return now < -seen
  end
  redis.call('ZADD', RUNNING, -(now + LAST_CALL), key)
  return true
end

-- It runs, or comes next in its queue: it was put back, or its worker was lost.
local function isRunning(key, seen)
  if redis.call('EXISTS', key .. ':lock') == 1 then
    redis.call('ZADD', RUNNING, now, key)
    return true
  end
  if isOver(key) or isDelayed(key) then
    return false
  end
  return seen > now - ABSENT or hasLastCall(key, seen)
end

local function sweepRunning()
  local all = redis.call('ZRANGE', RUNNING, 0, -1, 'WITHSCORES')
  for i = 1, #all, 2 do
    if not isRunning(all[i], tonumber(all[i + 1])) then
      redis.call('ZREM', RUNNING, all[i])
    end
  end
end

-- Whether no place is left, once those that wait have theirs.
local function isFull()
  -- While some wait, those who tend the line look after the places of the dead.
  if redis.call('ZCARD', RUNNING) >= max and redis.call('ZCARD', PARKED) == 0 then
    sweepRunning()
  end
  passOn()
  return redis.call('ZCARD', RUNNING) >= max
end

-- When the last one should have started. Later than it can have been, it was before this clock was set back.
local function lastStart()
  local last = tonumber(redis.call('GET', RATE) or 0)
  if last <= now + LATE then
    return last
  end
  redis.call('SET', RATE, now, 'PX', math.ceil(interval + KEPT))
  return now
end

-- When the rate allows another start. Of the last one, not this is stored: rates are changed.
local function nextStart()
  return math.max(now, lastStart() + interval)
end

-- The last slot that somebody still waits for.
local function lastSlot()
  local last
  for _ = 1, AT_ONCE do
    last = redis.call('ZREVRANGE', RESERVED, 0, 0, 'WITHSCORES')
    if not last[1] or not isOver(last[1]) then
      break
    end
    redis.call('ZREM', RESERVED, last[1])
  end
  return tonumber(last[2] or 0)
end

local function setDue(key, due, number)
  wakeUp(delayUntil(key, due, number))
end

-- There is no rate any more: those that wait for a slot are due now.
local function freeReserved()
  local all = redis.call('ZRANGE', RESERVED, 0, AT_ONCE - 1)
  for i, key in ipairs(all) do
    redis.call('ZREM', RESERVED, key)
    setDue(key, now, i)
  end
  return #all
end

-- The first slot follows the last start: the slot of one that was revoked goes to the next one; and
-- behind a start that was late, the next one would come too early and lose its place.
local function moveFirst(free)
  for _ = 1, AT_ONCE do
    local first = redis.call('ZRANGE', RESERVED, 0, 0, 'WITHSCORES')
    local key, slot = first[1], tonumber(first[2])
    if not key then
      return
    end
    if not isOver(key) then
      local isTooEarly = slot > now and slot < free - LATE
      if (isTooEarly or slot > free + EARLY) and isDelayed(key) then
        redis.call('ZADD', RESERVED, free, key)
        setDue(key, free, 0)
      end
      return
    end
    redis.call('ZREM', RESERVED, key)
  end
end

-- Milliseconds until this task may start; 0 = now.
local function waitForRate()
  local slot = tonumber(redis.call('ZSCORE', RESERVED, job) or 0)
  if interval > 0 and slot > now + EARLY then
    return slot - now
  end
  redis.call('ZREM', RESERVED, job)
  if interval == 0 then
    return 0
  end
  local free = nextStart()
  if slot == 0 or free > now + LATE then
    slot = math.max(free, lastSlot() + interval)
    if slot > now then
      redis.call('ZADD', RESERVED, slot, job)
      moveFirst(free)
      return slot - now
    end
  end
  local ttl = free + interval - now + KEPT
  redis.call('SET', RATE, string.format('%.3f', free), 'PX', math.ceil(ttl))
  moveFirst(free + interval)
  return 0
end

local function take()
  local since = redis.call('ZSCORE', PARKED, job)
  redis.call('ZREM', PARKED, job)
  if max > 0 and not redis.call('ZSCORE', RUNNING, job) and isFull() then
    redis.call('ZADD', PARKED, since or now, job)
    -- Workers without the task let its line expire; this one is looked after.
    redis.call('PERSIST', PARKED)
    return { 'parked' }
  end
  local wait = waitForRate()
  if wait > 0 then
    redis.call('ZREM', RUNNING, job)
    return { 'later', math.ceil(wait) }
  end
  if max > 0 then
    redis.call('ZADD', RUNNING, now, job)
  end
  return { 'go' }
end

local function tend()
  sweepRunning()
  redis.call('ZREMRANGEBYSCORE', RESERVED, '-inf', now - FORGOTTEN)
  if interval == 0 then
    return freeReserved() + passOn()
  end
  moveFirst(nextStart())
  return passOn()
end

if op == 'take' then
  return take()
end
if op == 'end' then
  redis.call('ZREM', RUNNING, job)
  return passOn()
end
return tend()
