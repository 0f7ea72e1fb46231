-- Walks the tasks of many queues, newest first, along what BullMQ itself keeps of them: lists and
-- sorted sets, here called sources. There is no index of all tasks (it would cost every send), and
-- a call looks at a bounded number of them, however many there are.
--
-- Each source is walked from its newest end, and the source whose next task is the newest goes on.
-- Where a source is not in the order of time, its next task counts as new as the newest of its batch.
--
-- KEYS[i]  base of queue i, "<prefix>:<queue>:"
-- ARGV[1]  JSON { kinds, places, want, examine, bytes, name?, tag?, since?, before? }
--          kinds  of sources that each queue has: { name, set, isList?, isQueue?, isLost?, time?, has?, text?, above?, upTo? }
--            isQueue   tasks leave it at its tail only
--            isLost   only tasks that no worker holds
--            time   field of the job that says when; without it the score does
--            has, text   only jobs with one of these fields, or with this text in their message
--            above, upTo   scores of a sorted set between which the source lies
--          places  of each queue: name of a kind -> the last task walked, { score, id? } (without the id
--                  where no other task has this score) or { time, index, rest, id ... }, where index
--                  and rest are its distances from head and tail; {} where all is told
--          want, examine, bytes   enough: tasks found, tasks looked at, bytes of their records
--          tag     as JSON, to be looked for in the text of the message
-- Returns  { { queue, kind, place, id } of each task found, { queue, kind, place } of each source
--          walked, tasks and bytes looked at, 1 when all is told }
local walk = cjson.decode(ARGV[1])
-- Tasks of a source that are looked at together; of all sources, if they are many.
local BATCH_MIN, BATCH_MAX, BATCHES = 3, 20, 600
local batchSize
-- The last task of a list is looked for among so many beside where it should be, some in one go.
local NEAR_MAX, WINDOW = 25600, 256
-- At most so many from either end are compared, at 20 ns each, where it is nowhere near.
local SEARCH_MAX = 50000
-- Tasks of one moment whose ids are remembered.
local TIES = 3
local bytes = 0

local function timesOf(source, id)
  -- pcall: another program may have put anything under this key.
  local fields = redis.pcall('HMGET', source.base .. id, 'name', 'timestamp', source.time or 'timestamp')
  return fields[1] or nil, tonumber(fields[2] or nil) or 0, tonumber(fields[3] or nil) or 0
end

-- Redis compares members byte by byte; Lua's < goes by the language of the machine.
local function isLess(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

-- Rank, from the highest score, of the first task of a sorted set behind the last one walked, which
-- need not be there any more.
local function rankBehind(key, score, id)
  local low = redis.call('ZCOUNT', key, '(' .. score, '+inf')
  local high = redis.call('ZCOUNT', key, score, '+inf')
  if not id then
    return high
  end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if isLess(redis.call('ZREVRANGE', key, middle, middle)[1], id) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local function openSet(source)
  local first, last = 0, redis.call('ZCARD', source.key) - 1
  if last >= 0 and source.upTo then
    first = redis.call('ZCOUNT', source.key, '(' .. source.upTo, '+inf')
  end
  if last >= 0 and source.above then
    last = redis.call('ZCOUNT', source.key, '(' .. source.above, '+inf') - 1
  end
  if last >= 0 and source.at then
    first = math.max(first, rankBehind(source.key, source.at[1], source.at[2]))
  end
  source.next, source.last = first, last
end

-- Index of the first task of a list that is as old as `time`, if the list is in order.
local function indexOfTime(source, time, length)
  local low, high = 0, length
  while low < high do
    local middle = math.floor((low + high) / 2)
    local _, _, found = timesOf(source, redis.call('LINDEX', source.key, middle))
    if found > time then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

local function indexNear(source, id, near, time)
  for from = near, near + NEAR_MAX, WINDOW do
    local ids = redis.call('LRANGE', source.key, from, from + WINDOW - 1)
    for i, other in ipairs(ids) do
      if other == id then
        return from + i - 1
      end
    end
    if #ids < WINDOW then
      return nil
    end
    local _, _, last = timesOf(source, ids[#ids])
    if last < time then
      return nil
    end
  end
end

-- Whether a worker has taken a task out of the wait list: it runs, has ended, or is due later.
local function isTaken(source, id)
  local key = source.base .. id
  return redis.call('EXISTS', key .. ':lock') == 1
    or redis.pcall('HEXISTS', key, 'finishedOn') == 1
    or redis.call('ZSCORE', source.base .. 'delayed', id) ~= false
end

-- Lists grow at the head and shrink anywhere, so the last task walked has to be found again: where
-- it was from head or tail, near those of its time, or by comparing. If it is gone, its time says
-- where it was; but what waits is taken from the tail, and with it all that was behind it.
local function indexBehind(source, length)
  local at = source.at
  local time, id = at[1], at[#at]
  for _, guess in ipairs({ at[2], length - 1 - at[3] }) do
    if guess >= 0 and redis.call('LINDEX', source.key, guess) == id then
      return guess + 1
    end
  end
  local first = indexOfTime(source, time, length)
  local index = indexNear(source, id, math.max(0, first - WINDOW), time)
    or redis.call('LPOS', source.key, id, 'MAXLEN', SEARCH_MAX)
    or redis.call('LPOS', source.key, id, 'RANK', -1, 'MAXLEN', SEARCH_MAX)
  if index then
    return index + 1
  end
  return source.isQueue and isTaken(source, id) and length or first
end

local function openList(source)
  local length = redis.call('LLEN', source.key)
  source.next, source.last, source.walked = 0, length - 1, {}
  if source.at and length > 0 then
    source.next = indexBehind(source, length)
    for i = 4, #source.at do
      source.walked[source.at[i]] = true
    end
  end
end

local function batchOf(source)
  local stop = math.min(source.next + batchSize - 1, source.last)
  local batch = {}
  if source.next > stop then
    return batch
  end
  if source.isList then
    for i, id in ipairs(redis.call('LRANGE', source.key, source.next, stop)) do
      batch[i] = { id = id, index = source.next + i - 1 }
    end
  else
    local found = redis.call('ZREVRANGE', source.key, source.next, stop, 'WITHSCORES')
    for i = 1, #found, 2 do
      batch[#batch + 1] = { id = found[i], score = found[i + 1] }
    end
  end
  return batch
end

-- Makes the next task of a source known, if there is one.
local function advance(source)
  source.step = source.step + 1
  source.task = source.batch[source.step]
  if source.task then
    return
  end
  source.batch, source.step = batchOf(source), 1
  source.next = source.next + #source.batch
  local newest = 0
  for i = #source.batch, 1, -1 do
    local task = source.batch[i]
    task.name, task.sent, task.time = timesOf(source, task.id)
    if not source.time then
      task.time = tonumber(task.score)
    end
    newest = math.max(newest, task.time)
    task.newest = newest
  end
  source.task = source.batch[1]
end

local function open(queue, kind)
  local source = { queue = queue, kind = kind, base = KEYS[queue], batch = {}, step = 0 }
  for name, value in pairs(walk.kinds[kind]) do
    source[name] = value
  end
  source.key = source.base .. source.set
  source.at = walk.places[queue][source.name]
  if source.isList then
    openList(source)
  else
    openSet(source)
  end
  return source
end

-- Where a task is, to go on behind it.
local function placeOf(source, task)
  if not source.isList then
    local after = source.batch[source.step + 1]
    return { task.score, (not after or after.score == task.score) and task.id or nil }
  end
  local at = { task.time, task.index, source.last - task.index }
  local before = source.at
  if before and before[1] == task.time then
    for i = math.max(4, #before - TIES + 2), #before do
      at[#at + 1] = before[i]
    end
  end
  at[#at + 1] = task.id
  return at
end

local function hasOne(key, fields)
  for _, value in ipairs(redis.call('HMGET', key, unpack(fields))) do
    if value then
      return true
    end
  end
  return false
end

local function isInMessage(key, text)
  local message = redis.call('HGET', key, 'data') or ''
  bytes = bytes + #message
  return string.find(message, text, 1, true) ~= nil
end

local function isWanted(source, task)
  local key = source.base .. task.id
  if not task.name or (walk.name and task.name ~= walk.name) then
    return false
  end
  if source.walked and source.walked[task.id] then
    return false
  end
  if (walk.since and task.sent < walk.since) or (walk.before and task.sent >= walk.before) then
    return false
  end
  if source.isLost and redis.call('EXISTS', key .. ':lock') == 1 then
    return false
  end
  if source.has and not hasOne(key, source.has) and not (source.text and isInMessage(key, source.text)) then
    return false
  end
  return not walk.tag or isInMessage(key, walk.tag)
end

local function sizeOf(source, task)
  local size = 0
  for _, field in ipairs({ 'data', 'returnvalue', 'stacktrace' }) do
    size = size + redis.call('HSTRLEN', source.base .. task.id, field)
  end
  return size
end

local function isTold(queue, name)
  local at = walk.places[queue][name]
  return at and #at == 0
end

-- Sources of which there is more, and { queue, kind, place } of those walked.
local sources, ends = {}, {}
for queue = 1, #KEYS do
  local isThere = {}
  for kind, each in ipairs(walk.kinds) do
    if isThere[each.set] == nil then
      isThere[each.set] = redis.call('EXISTS', KEYS[queue] .. each.set) == 1
    end
    local source = isThere[each.set] and not isTold(queue, each.name) and open(queue, kind)
    if source and source.next <= source.last then
      sources[#sources + 1] = source
    elseif source and source.at then
      ends[#ends + 1] = { queue, kind, {} }
    end
  end
end
batchSize = math.max(BATCH_MIN, math.min(BATCH_MAX, math.floor(BATCHES / #sources)))
for _, source in ipairs(sources) do
  advance(source)
end

local function newest()
  local found = 1
  for i = 2, #sources do
    if sources[i].task.newest > sources[found].task.newest then
      found = i
    end
  end
  return found
end

local found, walked = {}, {}
local examined = 0
while #sources > 0 and #found < walk.want and examined < walk.examine and bytes < walk.bytes do
  local i = newest()
  local source = sources[i]
  local task = source.task
  examined = examined + 1
  source.at = placeOf(source, task)
  walked[source] = true
  if isWanted(source, task) then
    bytes = bytes + sizeOf(source, task)
    found[#found + 1] = { source.queue, source.kind, source.at, task.id }
  end
  advance(source)
  if not source.task then
    table.remove(sources, i)
    source.at = {}
  end
end

for source in pairs(walked) do
  ends[#ends + 1] = { source.queue, source.kind, source.at }
end
return { found, ends, examined, bytes, #sources == 0 and 1 or 0 }
