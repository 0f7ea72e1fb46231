-- Files tasks that have ended in one tick, and takes as many new ones: what BullMQ's moveToFinished
-- does for each, on the same keys and with the same events, at the price of one script run.
-- The lines before this one are BullMQ's own functions (worker/finishScript.ts), to which belong
-- rcall, kajeOwner, kajeKeep, getOrSetMaxEvents, promoteDelayedJobs, moveJobFromPrioritizedToActive,
-- getNextDelayedTimestamp, removeJobsByMaxAge and removeJobsByMaxCount.
-- KEYS: wait, active, prioritized, events, stalled, delayed, meta, pc, marker, completed, failed
-- ARGV: prefix of the keys, now, ms of a lock, name of the worker, retention (age or '', count or
-- '', limit), how many channels are told and of each its name and the ids, joined by commas; then of
-- each task: id, token, 'completed' or 'failed', result or reason, stacktrace, attempts, whether to
-- fetch ('1'), how many ms later than others it goes or ''; a slot that only takes one has the id ''
-- Answers {codes, jobs, more, next}: of each task 0, BullMQ's error code, or SLOW for one that BullMQ's
-- own script must file; of each fetched job its slot, id and values; 1 while others wait; else when the
-- next delayed one is due, -1 while the queue is paused, 0 for never. A single 0 means that all must
-- take BullMQ's script.
local SLOW = -1000
local FIELDS = 8
local wait, active, prioritized, events, stalled = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local delayed, meta, pc, marker = KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local prefix, now, lockMs, worker = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local maxAge, maxCount, limit = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local lastOfNews = 8 + 2 * ARGV[8]

local queue = rcall("HMGET", meta, "paused", "concurrency", "max")
if queue[2] or queue[3] then
  return 0
end
local isPaused = queue[1]
rcall("XTRIM", events, "MAXLEN", "~", getOrSetMaxEvents(meta))

local codes, slots = {}, {}
local locks, free = {}, {}
local filed, own = {}, {}

-- Redis writes out a number of Lua as a floating one: half a microsecond for each.
local function text(count)
  return count == 1 and "1" or count
end

local function file(first)
  local id, token, target, value = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 3]
  local key = prefix .. id
  local lock = key .. ":lock"
  local job = rcall("HMGET", key, "name", "parentKey", "parent", "deid", "atm")
  if not job[1] then
    return -1
  end
  local isDone = target == "completed"
  if job[2] or job[3] or job[4] then
    return SLOW
  end
  if isDone and rcall("EXISTS", key .. ":dependencies", key .. ":unsuccessful") > 0 then
    return SLOW
  end
  local owner = kajeOwner(lock, stalled, id, token)
  if owner ~= token then
    return owner and -6 or -2
  end
  locks[#locks + 1] = lock
  free[#free + 1] = id
  if not isDone then
    rcall("HMSET", key, "failedReason", value, "stacktrace", ARGV[first + 4])
  end
  if rcall("LREM", active, "-1", id) < 1 then
    return -3
  end
  local made = (tonumber(job[5]) or 0) + 1
  local property = isDone and "returnvalue" or "failedReason"
  -- At once: should anything fail further down, what has left the list of active tasks is in its set.
  rcall("ZADD", isDone and KEYS[10] or KEYS[11], now, id)
  rcall("HSET", key, "atm", text(made), property, value, "finishedOn", now)
  filed[target] = true
  if ARGV[first + 7] ~= "" then
    own[#own + 1] = { isDone and KEYS[10] or KEYS[11], id, now, ARGV[first + 7] }
  end
  rcall("XADD", events, "*", "event", target, "jobId", id, property, value, "prev", "active")
  if not isDone then
    rcall("HDEL", key, "defa")
    if made >= (tonumber(ARGV[first + 5]) or 0) then
      rcall("XADD", events, "*", "event", "retries-exhausted", "jobId", id, "attemptsMade", made)
    end
  end
  return 0
end

local function evict(set)
  if maxAge then
    removeJobsByMaxAge(tonumber(now), maxAge, set, prefix, limit)
  end
  if maxCount and maxCount > 0 then
    removeJobsByMaxCount(maxCount, set, prefix)
  end
end

local lastFetches = false
for first = lastOfNews + 1, #ARGV, FIELDS do
  local i = #codes + 1
  codes[i] = ARGV[first] == "" and 0 or file(first)
  if codes[i] == 0 then
    lastFetches = ARGV[first + 6] == "1"
    if lastFetches then
      slots[#slots + 1] = { i, ARGV[first + 1] }
    end
  end
end
if #locks > 0 then
  rcall("DEL", unpack(locks))
  rcall("SREM", stalled, unpack(free))
end
if filed.completed then
  evict(KEYS[10])
end
if filed.failed then
  evict(KEYS[11])
end
for _, each in ipairs(own) do
  kajeKeep(unpack(each))
end

-- Told here, those who wait hear of it one trip between worker and Redis earlier.
for i = 9, lastOfNews, 2 do
  -- Should that fail the ends are stored all the same; who waits looks by himself.
  redis.pcall("PUBLISH", ARGV[i], ARGV[i + 1])
end

local jobs = {}
-- Of a hash that somebody has removed, nothing is run.
local function start(id, slot)
  local key = prefix .. id
  local job = rcall("HMGET", key, "name", "data", "opts", "timestamp", "atm", "defa", "stacktrace", "ats", "stc")
  if not job[1] then
    rcall("LREM", active, 1, id)
    return false
  end
  job[8] = (tonumber(job[8]) or 0) + 1
  rcall("SET", key .. ":lock", slot[2], "PX", lockMs)
  rcall("XADD", events, "*", "event", "active", "jobId", id, "prev", "waiting")
  rcall("HSET", key, "processedOn", now, "pb", worker, "ats", text(job[8]))
  jobs[#jobs + 1] = { slot[1], id, job }
  return true
end

local function takeAll()
  local fetch = rcall("EXISTS", prioritized) == 1 and kajeFetch or function()
    return rcall("RPOPLPUSH", wait, active)
  end
  for _, slot in ipairs(slots) do
    repeat
      local id = fetch(wait, active) or moveJobFromPrioritizedToActive(prioritized, active, pc)
      if not id then
        return
      end
    until start(id, slot)
  end
end

local more, due = 0, 0
if #slots > 0 then
  promoteDelayedJobs(delayed, marker, wait, prioritized, events, prefix, now, pc, isPaused)
  if isPaused then
    due = -1
  else
    takeAll()
    -- BullMQ makes others look after each job that is taken. Where none is left they would look in
    -- vain, this worker first of all: two scripts more for each task of a queue that is nearly idle.
    more = rcall("EXISTS", wait, prioritized) > 0 and 1 or 0
    if more == 0 then
      due = getNextDelayedTimestamp(delayed) or 0
      -- This worker may be full then, and others may not know: a paused queue tells them nothing.
      if due > 0 and #jobs > 0 then
        rcall("ZADD", marker, due, "1")
      end
    elseif #jobs > 0 then
      rcall("ZADD", marker, 0, "0")
    end
  end
end
-- As one by one: told by the last task that is filed, unless it has looked for another in vain.
local isLastOne = #locks > 0 and #jobs == 0 and not (due ~= 0 and lastFetches)
if isLastOne and rcall("LLEN", wait) == 0 and rcall("LLEN", active) == 0 and rcall("ZCARD", prioritized) == 0 then
  rcall("XADD", events, "*", "event", "drained")
end
return { codes, jobs, more, due }
