-- Reads tasks by id, whichever queue holds them: one round trip for any number of ids, and no
-- list is scanned, so the cost does not depend on how long the queues are.
-- A script, not a pipeline: a task that moves between two commands would seem to be nowhere.
--
-- KEYS[i]   base of queue i, "<prefix>:<queue>:"
-- ARGV[1]   bytes behind which the answer ends: large results of many tasks must not become one
--           reply that keeps everybody else waiting
-- ARGV[2]   number of fields
-- ARGV[3..] the fields of the job's hash, then the ids
-- Returns   { now, then for each id in order, as many as fit into these bytes: false, or
--           { i, place, due, { value of each field }, kept } }
--           now: epoch ms, by which all readers decide what has expired, whatever their own clocks
--           place: "finished" | "active" | "delayed" | "waiting"; due: epoch ms or "";
--           kept: seconds that the queue's workers keep the results of tasks, or ""
local bytesMax = tonumber(ARGV[1])
local count = tonumber(ARGV[2])
local fields = {}
for i = 1, count do
  fields[i] = ARGV[2 + i]
end

local function placeOf(base, id, key)
  if redis.call('HEXISTS', key, 'finishedOn') == 1 then
    return 'finished', ''
  end
  if redis.call('EXISTS', key .. ':lock') == 1 then
    return 'active', ''
  end
  local score = redis.call('ZSCORE', base .. 'delayed', id)
  if score then
    -- BullMQ's score: due time in ms * 4096 + a sequence number.
    return 'delayed', string.format('%.0f', math.floor(tonumber(score) / 4096))
  end
  return 'waiting', ''
end

-- Read once for all tasks of a queue.
local keptIn = {}
local function keptOf(i, base)
  if not keptIn[i] then
    keptIn[i] = redis.call('HGET', base .. 'meta', 'kaje.resultExpires') or ''
  end
  return keptIn[i]
end

local function read(id)
  for i, base in ipairs(KEYS) do
    local key = base .. id
    -- pcall: an id such as "wait" or "x:lock" names a key that is no hash, so no task either.
    if redis.pcall('HEXISTS', key, 'name') == 1 then
      local place, due = placeOf(base, id, key)
      local record = redis.call('HMGET', key, unpack(fields))
      return { i, place, due, record, keptOf(i, base) }
    end
  end
  return false
end

local bytes = 0
local clock = redis.call('TIME')
local found = { clock[1] * 1000 + math.floor(clock[2] / 1000) }
for i = 3 + count, #ARGV do
  local task = read(ARGV[i])
  found[#found + 1] = task
  if task then
    for f = 1, count do
      bytes = bytes + #(task[4][f] or '')
    end
  end
  if bytes > bytesMax then
    break
  end
end
return found
