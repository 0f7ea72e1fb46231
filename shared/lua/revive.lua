-- Prepares a task that has ended for another life: its marks and what was counted are over.
--
-- KEYS[1]  base of the queue, "<prefix>:<queue>:"
-- ARGV[1]  id
-- Returns  "ended": BullMQ can put it back; "waiting": it was marked where it waits, and waits on;
--          "taken": a worker has just taken it out, to file it; "open": it has not ended
local base, id = KEYS[1], ARGV[1]
local key = base .. id

-- @use marks

local fields = redis.call('HMGET', key, 'finishedOn', 'defa', 'deferred', 'ats')
if fields[1] then
  redis.call('HDEL', key, 'defa', 'deferred', 'stc', 'spared', 'apart')
  return 'ended'
end
if not fields[2] then
  return 'open'
end
if redis.call('EXISTS', key .. ':lock') == 1 then
  -- The run during which it was marked goes on.
  return string.match(fields[3] or '', '^[^,]*') == fields[4] and 'open' or 'taken'
end
if not isRevocation(fields[2], fields[3]) then
  return 'open'
end
redis.call('HDEL', key, 'defa', 'deferred', 'stc', 'spared', 'apart', 'atm', 'failedReason', 'processedOn')
if redis.call('ZREM', base .. 'delayed', id) == 1 then
  -- Not when its retry would have been due, but now: by the way of all that have ended.
  local clock = redis.call('TIME')
  local now = clock[1] .. string.format('%03d', math.floor(clock[2] / 1000))
  redis.call('HSET', key, 'finishedOn', now)
  redis.call('ZADD', base .. 'failed', now, id)
  return 'ended'
end
return 'waiting'
