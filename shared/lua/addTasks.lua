-- Adds tasks to queues, all or none: what BullMQ's scripts for one standard, prioritized or delayed job do
-- for each, on the same keys and with the same events, at the price of one script run; none at all once
-- the deadline is over, or where a queue has no room for what waits from now on.
-- KEYS: the set of all queues, of each queue its base ("<prefix>:<queue>:"), the uniquenesses; with a limit of
-- each queue the room that batches hold in it
-- ARGV: deadline (epoch ms), the length at which a queue is full (0: not asked), name of a batch that several
-- writes add ("": this one adds all); number of queues, and of each its name, how many tasks it gets, and how
-- many of the batch wait at once: from this write on, and of later writes only; number of uniquenesses,
-- and of each the value and its ms; then groups of tasks that have all but id and data in common: number of
-- the queue, name, options, timestamp, delay (ms), priority, how many they are, and of each its id and data
-- Answers the time, epoch ms; the same below zero when it was too late; where there is no room, a list: the
-- time, the number of the queue, its room.
local rcall = redis.call

local clock = rcall("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if now > tonumber(ARGV[1]) then
  return -now
end

local max, batch = tonumber(ARGV[2]), ARGV[3]
-- A batch whose sender has died in the middle holds its room for so long.
local HOLD_MS = 10000

local function roomOf(base, held)
  local waiting = rcall("LLEN", base .. "wait") + rcall("ZCARD", base .. "prioritized")
  -- Its time has come, and no worker was there to move it.
  local due = rcall("ZCOUNT", base .. "delayed", "-inf", now * 4096 + 4095)
  local room = max - waiting - due
  for _, claim in ipairs(rcall("ZRANGEBYSCORE", held, now, "+inf")) do
    room = room - tonumber(claim:match(":(%d+)$"))
  end
  return math.max(0, room)
end

-- So that later writes of a batch find the room that the first one has found.
local function hold(held, ahead, later)
  rcall("ZREM", held, batch .. ":" .. ahead)
  rcall("ZREMRANGEBYSCORE", held, "-inf", now)
  if later ~= "0" then
    rcall("ZADD", held, now + HOLD_MS, batch .. ":" .. later)
    rcall("PEXPIRE", held, HOLD_MS)
  end
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
local queueCount = tonumber(ARGV[4])
local at = 5 + 4 * queueCount
local uniques = tonumber(ARGV[at])
local function heldKey(i)
  return KEYS[1 + queueCount + uniques + i]
end

if max > 0 then
  for i = 1, queueCount do
    local room, ahead = roomOf(KEYS[i + 1], heldKey(i)), tonumber(ARGV[4 * i + 3])
    if ahead > room then
      return { now, i, room }
    end
  end
end
for i = 1, queueCount do
  queues[i] = open(KEYS[i + 1], ARGV[4 * i + 1], tonumber(ARGV[4 * i + 2]))
  if batch ~= "" then
    hold(heldKey(i), ARGV[4 * i + 3], ARGV[4 * i + 4])
  end
end

for i = 1, uniques do
  rcall("SET", KEYS[1 + queueCount + i], ARGV[at + 2 * i - 1], "PX", ARGV[at + 2 * i])
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
