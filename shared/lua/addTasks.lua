-- Adds tasks that may be taken at once: what BullMQ's addStandardJob does for each, on the same keys
-- and with the same events, at the price of one script run; none at all once the deadline is over.
-- KEYS: wait, active, meta, id, events, marker
-- ARGV: prefix of the keys, deadline (epoch ms), number of tasks; then groups of tasks that have the
-- same name, options and timestamp: these three, how many they are, and of each its id and data
-- Answers the time, epoch ms; the same below zero when it was too late.
local rcall = redis.call
local wait, active, meta, counter, events, marker = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local prefix = ARGV[1]

local clock = rcall("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[2]) then
  return -now
end

local queue = rcall("HMGET", meta, "opts.maxLenEvents", "paused", "concurrency")
local maxEvents = queue[1]
if not maxEvents then
  maxEvents = 10000
  rcall("HSET", meta, "opts.maxLenEvents", maxEvents)
end
rcall("INCRBY", counter, ARGV[3])
-- The stream is cut to maxEvents by this very script: events that nobody could ever read are a third of
-- its time, and are not written. Two for each task.
local toldFrom = ARGV[3] - math.ceil(maxEvents / 2)

local added = {}
local count = 0
local function add(id, data, name, opts, timestamp)
  count = count + 1
  local key = prefix .. id
  if rcall("EXISTS", key) == 1 then
    rcall("XADD", events, "MAXLEN", "~", maxEvents, "*", "event", "duplicated", "jobId", id)
    return
  end
  -- Text, for Redis writes out a number of Lua as a floating one: half a microsecond for each.
  rcall(
    "HMSET", key, "name", name, "data", data, "opts", opts,
    "timestamp", timestamp, "delay", "0", "priority", "0"
  )
  if count > toldFrom then
    rcall("XADD", events, "*", "event", "added", "jobId", id, "name", name)
    rcall("XADD", events, "MAXLEN", "~", maxEvents, "*", "event", "waiting", "jobId", id)
  end
  added[#added + 1] = id
end

local at = 4
while at < #ARGV do
  local name, opts, timestamp, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
  at = at + 4
  for _ = 1, count do
    add(ARGV[at], ARGV[at + 1], name, opts, timestamp)
    at = at + 2
  end
end
if #added == 0 then
  return now
end
rcall("LPUSH", wait, unpack(added))
local isMaxed = queue[3] and rcall("LLEN", active) >= tonumber(queue[3])
if not (queue[2] or isMaxed) then
  rcall("ZADD", marker, 0, "0")
end
return now
