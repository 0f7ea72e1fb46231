-- Adds tasks to queues, all or none: what BullMQ's scripts for one standard, prioritized or delayed job do
-- for each, on the same keys and with the same events, at the price of one script run; none at all once
-- the deadline is over.
-- KEYS: the set of all queues, of each queue its base ("<prefix>:<queue>:"), the uniquenesses
-- ARGV: deadline (epoch ms), number of queues, and of each its name and how many tasks it gets; number of
-- uniquenesses, and of each the value and its ms; then groups of tasks that have all but id and data in
-- common: number of the queue, name, options, timestamp, delay (ms), priority, how many they are, and of
-- each its id and data
-- Answers the time, epoch ms; the same below zero when it was too late.
local rcall = redis.call

local clock = rcall("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[1]) then
  return -now
end

local function open(base, name, count)
  rcall("SADD", KEYS[1], name)
  local known = rcall("HMGET", base .. "meta", "opts.maxLenEvents", "paused", "concurrency")
  local maxEvents = known[1]
  if not maxEvents then
    maxEvents = 10000
    rcall("HSET", base .. "meta", "opts.maxLenEvents", maxEvents)
  end
  rcall("INCRBY", base .. "id", count)
  return {
    base = base,
    events = base .. "events",
    isPaused = known[2],
    maxActive = tonumber(known[3]),
    maxEvents = maxEvents,
    -- The stream is cut to maxEvents by this very script: events that nobody could ever read are a third of
    -- its time, and are not written. Two for each task.
    toldFrom = count - math.ceil(maxEvents / 2),
    count = 0,
    waiting = {},
    isAsked = false,
  }
end

-- What is due later is scored by its time, 4096 numbers to the millisecond: the first that is free.
local function later(queue, id, due)
  local delayed = queue.base .. "delayed"
  local first, last = due * 4096, due * 4096 + 4095
  local newest = rcall("ZREVRANGEBYSCORE", delayed, last, first, "WITHSCORES", "LIMIT", 0, 1)[2]
  rcall("ZADD", delayed, newest and math.min(tonumber(newest) + 1, last) or first, id)
  queue.isLater = true
end

local function urgent(queue, id, priority)
  -- In the order of their coming.
  local number = rcall("INCR", queue.base .. "pc") % 4294967296
  rcall("ZADD", queue.base .. "prioritized", priority * 4294967296 + number, id)
  queue.isAsked = true
end

local function tell(queue, id, name, due)
  queue.count = queue.count + 1
  if queue.count <= queue.toldFrom then
    return
  end
  rcall("XADD", queue.events, "*", "event", "added", "jobId", id, "name", name)
  if due then
    rcall("XADD", queue.events, "MAXLEN", "~", queue.maxEvents, "*", "event", "delayed", "jobId", id, "delay", due)
  else
    rcall("XADD", queue.events, "MAXLEN", "~", queue.maxEvents, "*", "event", "waiting", "jobId", id)
  end
end

local function add(queue, at, id, data)
  local name, opts, timestamp, delay, priority = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  local key = queue.base .. id
  if rcall("EXISTS", key) == 1 then
    queue.count = queue.count + 1
    rcall("XADD", queue.events, "MAXLEN", "~", queue.maxEvents, "*", "event", "duplicated", "jobId", id)
    return
  end
  -- Text, for Redis writes out a number of Lua as a floating one: half a microsecond for each.
  rcall(
    "HMSET", key, "name", name, "data", data, "opts", opts,
    "timestamp", timestamp, "delay", delay, "priority", priority
  )
  local due = delay ~= "0" and timestamp + delay or nil
  tell(queue, id, name, due)
  if due then
    later(queue, id, due)
  elseif priority ~= "0" then
    urgent(queue, id, priority)
  else
    queue.waiting[#queue.waiting + 1] = id
  end
end

-- Lets workers know.
local function close(queue)
  local base = queue.base
  if #queue.waiting > 0 then
    rcall("LPUSH", base .. "wait", unpack(queue.waiting))
    queue.isAsked = true
  end
  if queue.isAsked and not queue.isPaused then
    if not queue.maxActive or rcall("LLEN", base .. "active") < queue.maxActive then
      rcall("ZADD", base .. "marker", 0, "0")
    end
  end
  if queue.isLater then
    local first = rcall("ZRANGE", base .. "delayed", 0, 0, "WITHSCORES")
    rcall("ZADD", base .. "marker", first[2] / 4096, "1")
  end
end

local queues = {}
local at = 3
for i = 1, tonumber(ARGV[2]) do
  queues[i] = open(KEYS[i + 1], ARGV[at], tonumber(ARGV[at + 1]))
  at = at + 2
end

local uniques = tonumber(ARGV[at])
for i = 1, uniques do
  rcall("SET", KEYS[1 + #queues + i], ARGV[at + 2 * i - 1], "PX", ARGV[at + 2 * i])
end
at = at + 1 + 2 * uniques

while at < #ARGV do
  local queue, common, count = queues[tonumber(ARGV[at])], at + 1, tonumber(ARGV[at + 6])
  at = at + 7
  for _ = 1, count do
    add(queue, common, ARGV[at], ARGV[at + 1])
    at = at + 2
  end
end
for _, queue in ipairs(queues) do
  close(queue)
end
return now
