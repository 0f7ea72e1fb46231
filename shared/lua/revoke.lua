-- Keeps a task from running: ends it where it waits, marks it where it runs.
-- A task in the wait list is marked, not moved: taking it out would cost time in proportion to the
-- list. BullMQ fails a job with a deferred failure ("defa") when a worker takes it, without running it.
--
-- KEYS[i]  base of queue i, "<prefix>:<queue>:"
-- ARGV[1]  id
-- ARGV[2]  "terminate": one that runs is ended at once; "stop": it is marked, so that it never runs
--          again; "overdue": it is left alone, and so is one that waits and has not expired
-- ARGV[3]  class of the error, ARGV[4] its message
-- Returns  "unknown" | "ready" | "running", which may also be one left alone | "revoked"
local id, mode, class, message = unpack(ARGV)
local words = class .. ': ' .. message
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))

-- @use filing

-- @use room

-- By the clock of Redis, not of whoever has read it; and an operator may have brought it back since.
local function isOverdue(key)
  local expires = numberIn(key, 'expires')
  return expires and expires <= tonumber(now)
end

-- As BullMQ files what has a mark: the traceback of no run.
local FILED = 'UnrecoverableError: '

local function finish(base, traceback)
  fileFailed(base, id, words, traceback, now)
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
  if mode == 'overdue' then
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
  return finish(base, words)
end

-- @use marks

-- A mark is the end, but for the run during which it was set. Of one that has begun and was lost its time is not over.
local function hasEnded(key, isRunning)
  local fields = redis.call('HMGET', key, 'finishedOn', 'defa', 'deferred', 'ats')
  if fields[1] or not fields[2] then
    return fields[1]
  end
  if isRunning then
    return string.match(fields[3] or '', '^[^,]*') ~= fields[4]
  end
  return mode == 'overdue' or isRevocation(fields[2], fields[3])
end

local function revoke(base, key)
  local isRunning = redis.call('EXISTS', key .. ':lock') == 1
  if hasEnded(key, isRunning) then
    return 'ready'
  end
  if isRunning then
    return stopRunning(base, key)
  end
  if mode == 'overdue' and not isOverdue(key) then
    return 'running'
  end
  note(key, false)
  if redis.call('ZREM', base .. 'delayed', id) == 1 or redis.call('ZREM', base .. 'prioritized', id) == 1 then
    return finish(base, FILED .. words)
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
