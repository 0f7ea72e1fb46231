-- Removes tasks that have not started, with all their keys: so many a call, so that Redis is never
-- long busy. Not BullMQ's drain, which takes the whole queue in one go, nor its clean, whose LREM
-- walks the whole list each time.
--
-- KEYS[1]  wait (LIST), KEYS[2] prioritized (ZSET), KEYS[3] delayed (ZSET)
-- ARGV[1]  base of the queue, ARGV[2] how many at most
-- ARGV[3]  what keys of reserved tasks begin with, ARGV[4] the same of parked ones
-- Returns  { how many were looked at, ids of the removed ... }
local base, max = ARGV[1], tonumber(ARGV[2])
local looked = 0
local removed = { 0 }
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

-- When a marked task has ended: when it was revoked, else now. A mark with words is of a revocation;
-- that of a task that may run once only says when its last run has started.
local function endOf(deferred)
  return string.match(deferred, '^[^,]*,([^,]+),[^,]*,[^,]*,.') or now
end

-- @use filing
-- @use removal

-- One that was revoked while it waited, or that has cost its last worker (BullMQ's "defa"), only waits to be
-- filed: its record stays.
local function file(id, key, reason)
  local deferred = redis.call('HGET', key, 'deferred') or ''
  fileFailed(base, id, reason, 'UnrecoverableError: ' .. reason, endOf(deferred))
  redis.call('HDEL', key, 'defa')
  if deferred ~= '' then
    -- The run during which it was marked is over.
    redis.call('HSET', key, 'deferred', (string.gsub(deferred, '^[^,]*', '')))
  end
end

local function remove(id, key, name, deduplication)
  if name then
    redis.call('ZREM', ARGV[3] .. name, key)
    redis.call('ZREM', ARGV[4] .. name, key)
  end
  removeKeys(base, id, deduplication)
  removed[#removed + 1] = id
end

local function purge(id)
  looked = looked + 1
  local key = base .. id
  local fields = redis.call('HMGET', key, 'name', 'defa', 'deid')
  if fields[2] then
    file(id, key, fields[2])
  else
    remove(id, key, fields[1], fields[3])
  end
end

for _, id in ipairs(redis.call('RPOP', KEYS[1], max) or {}) do
  purge(id)
end
for _, set in ipairs({ KEYS[2], KEYS[3] }) do
  if looked < max then
    local popped = redis.call('ZPOPMIN', set, max - looked)
    for i = 1, #popped, 2 do
      purge(popped[i])
    end
  end
end
removed[1] = looked
return removed
