-- Keeps a task from running: ends it where it waits, marks it where it runs.
-- A task in the wait list is marked, not moved: taking it out would cost time in proportion to the
-- list. BullMQ fails a job with a deferred failure ("defa") when a worker takes it, without running it.
--
-- KEYS[i]  base of queue i, "<prefix>:<queue>:"
-- ARGV[1]  id
-- ARGV[2]  "terminate": one that runs is ended at once; "stop": it is marked, so that it never runs
--          again; "waiting": it is left alone
-- ARGV[3]  epoch ms
-- ARGV[4]  class of the error, ARGV[5] its message
-- ARGV[6]  seconds that workers keep results
-- Returns  "unknown" | "ready" | "running" | "revoked"
local id, mode, now, class, message, kept = unpack(ARGV)
local words = class .. ': ' .. message

-- A result with its own lifetime is filed as if it had ended earlier or later (worker/consumer.ts).
local function filedAt(key)
  local data = redis.call('HGET', key, 'data') or ''
  if string.find(data, '"result_expires":', 1, true) then
    local known, body = pcall(cjson.decode, data)
    local own = known and type(body) == 'table' and tonumber(body.result_expires)
    if own then
      return string.format('%.0f', math.max(0, now + (own - kept) * 1000))
    end
  end
  return now
end

-- As BullMQ files what has a mark: the traceback of no run.
local FILED = 'UnrecoverableError: '

local function finish(base, key, traceback)
  local known, list = pcall(cjson.decode, redis.call('HGET', key, 'stacktrace') or '[]')
  if not known or type(list) ~= 'table' then
    list = {}
  end
  list[#list + 1] = traceback
  redis.call('HINCRBY', key, 'atm', 1)
  redis.call('HSET', key, 'failedReason', words, 'stacktrace', cjson.encode(list), 'finishedOn', now)
  redis.call('ZADD', base .. 'failed', filedAt(key), id)
  redis.call('XADD', base .. 'events', 'MAXLEN', '~', 100, '*', 'event', 'failed', 'jobId', id,
    'failedReason', words, 'prev', 'waiting')
  return 'revoked'
end

-- What was so before: the worker that finds the mark writes its own times into the record, and a
-- run that goes on is told from one that must not be (failures.ts).
local function note(key, isRunning)
  local fields = redis.call('HMGET', key, 'ats', 'processedOn')
  local starts, began = fields[1] or 0, fields[2] or ''
  local parts = { isRunning and starts or '', now, began, starts, words }
  redis.call('HSET', key, 'deferred', table.concat(parts, ','))
end

local function stopRunning(base, key)
  if mode == 'waiting' then
    return 'running'
  end
  note(key, true)
  if mode == 'stop' then
    redis.call('HSET', key, 'defa', words)
    return 'running'
  end
  redis.call('HDEL', key, 'defa')
  redis.call('LREM', base .. 'active', 1, id)
  redis.call('SREM', base .. 'stalled', id)
  redis.call('DEL', key .. ':lock')
  return finish(base, key, words)
end

-- A mark is the end, but for the run during which it was set.
local function hasEnded(key, isRunning)
  local fields = redis.call('HMGET', key, 'finishedOn', 'defa', 'deferred', 'ats')
  if fields[1] or not fields[2] then
    return fields[1]
  end
  return not isRunning or string.match(fields[3] or '', '^[^,]*') ~= fields[4]
end

local function revoke(base, key)
  local isRunning = redis.call('EXISTS', key .. ':lock') == 1
  if hasEnded(key, isRunning) then
    return 'ready'
  end
  if isRunning then
    return stopRunning(base, key)
  end
  note(key, false)
  if redis.call('ZREM', base .. 'delayed', id) == 1 or redis.call('ZREM', base .. 'prioritized', id) == 1 then
    return finish(base, key, FILED .. words)
  end
  redis.call('HSET', key, 'defa', words)
  return 'revoked'
end

for _, base in ipairs(KEYS) do
  local key = base .. id
  -- pcall: an id such as "wait" names a key that is no hash, so no task either.
  if redis.pcall('HEXISTS', key, 'name') == 1 then
    return revoke(base, key)
  end
end
return 'unknown'
