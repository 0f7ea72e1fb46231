-- Jobs in BullMQ's set of delayed ones, by the key of the job.

local function baseAndId(job)
  return string.match(job, '^(.*:)([^:]+)$')
end

-- Ended, removed, or revoked where it waits.
local function isOver(job)
  local fields = redis.call('HMGET', job, 'name', 'finishedOn', 'defa')
  return not fields[1] or fields[2] or fields[3]
end

-- BullMQ's score: due time in ms * 4096 + a sequence number.
local function delayUntil(job, due, number)
  local base, id = baseAndId(job)
  redis.call('ZADD', base .. 'delayed', 'XX', math.ceil(due) * 4096 + number, id)
  return base
end

-- Wakes up whoever sleeps until the time at which something was due before.
local function wakeUp(base)
  local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', base .. 'marker', math.floor(tonumber(first[2]) / 4096), '1')
  end
end
