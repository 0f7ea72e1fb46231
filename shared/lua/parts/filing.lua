-- Files a task that has not run as failed, as a worker would.

-- A number in the message of the task.
local function numberIn(key, field)
  local data = redis.call('HGET', key, 'data') or ''
  if not string.find(data, '"' .. field .. '":', 1, true) then
    return nil
  end
  local known, body = pcall(cjson.decode, data)
  return known and type(body) == 'table' and tonumber(body[field]) or nil
end

-- A result with its own lifetime is filed as if it had ended earlier or later (worker/retention.ts)
-- than those that the queue's workers keep for so many seconds; a queue without workers sweeps none.
local function filedAt(base, key, at)
  local own = numberIn(key, 'result_expires')
  local kept = redis.call('HGET', base .. 'meta', 'kaje.resultExpires') or 86400
  return own and string.format('%.0f', math.max(0, at + (own - kept) * 1000)) or at
end

local function fileFailed(base, id, words, traceback, at)
  local key = base .. id
  local known, list = pcall(cjson.decode, redis.call('HGET', key, 'stacktrace') or '[]')
  if not known or type(list) ~= 'table' then
    list = {}
  end
  -- As many as BullMQ keeps of runs.
  while #list >= 10 do
    table.remove(list, 1)
  end
  list[#list + 1] = traceback
  redis.call('HINCRBY', key, 'atm', 1)
  redis.call('HSET', key, 'failedReason', words, 'stacktrace', cjson.encode(list), 'finishedOn', at)
  redis.call('ZADD', base .. 'failed', filedAt(base, key, at), id)
end
