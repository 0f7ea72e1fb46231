-- Removes tasks that have not started, with all their keys: so many a call, so that Redis is never
-- long busy. Not BullMQ's drain, which takes the whole queue in one go, nor its clean, whose LREM
-- walks the whole list each time.
--
-- KEYS[1]  wait (LIST), KEYS[2] prioritized (ZSET), KEYS[3] delayed (ZSET), KEYS[4] failed (ZSET)
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

-- A result with its own lifetime is filed as if it had ended earlier or later, as in revoke.lua.
local function filedAt(key, at)
  local data = redis.call('HGET', key, 'data') or ''
  if not string.find(data, '"result_expires":', 1, true) then
    return at
  end
  local known, body = pcall(cjson.decode, data)
  local own = known and type(body) == 'table' and tonumber(body.result_expires)
  local kept = redis.call('HGET', base .. 'meta', 'kaje.resultExpires') or 86400
  return own and string.format('%.0f', math.max(0, at + (own - kept) * 1000)) or at
end

-- One that was revoked while it waited, or that has cost its last worker (BullMQ's "defa"), has
-- ended already and only waits to be filed: its record says so and stays.
local function file(id, key, reason)
  local deferred = redis.call('HGET', key, 'deferred') or ''
  local at = endOf(deferred)
  local known, list = pcall(cjson.decode, redis.call('HGET', key, 'stacktrace') or '[]')
  if not known or type(list) ~= 'table' then
    list = {}
  end
  list[#list + 1] = 'UnrecoverableError: ' .. reason
  redis.call('HINCRBY', key, 'atm', 1)
  redis.call('HSET', key, 'failedReason', reason, 'stacktrace', cjson.encode(list), 'finishedOn', at)
  redis.call('HDEL', key, 'defa')
  if deferred ~= '' then
    -- The run during which it was marked is over.
    redis.call('HSET', key, 'deferred', (string.gsub(deferred, '^[^,]*', '')))
  end
  redis.call('ZADD', KEYS[4], filedAt(key, at), id)
end

local function remove(id, key, name, deduplication)
  if name then
    redis.call('ZREM', ARGV[3] .. name, key)
    redis.call('ZREM', ARGV[4] .. name, key)
  end
  -- Of other BullMQ programs.
  if deduplication and redis.call('GET', base .. 'de:' .. deduplication) == id then
    redis.call('DEL', base .. 'de:' .. deduplication, base .. 'dn:' .. deduplication)
  end
  redis.call('UNLINK', key, key .. ':logs', key .. ':dependencies', key .. ':processed',
    key .. ':failed', key .. ':unsuccessful')
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
