-- Renews what a worker holds, and its heartbeat, while its event loop is blocked.
--
-- KEYS[1]  the heartbeat (STRING), KEYS[2] all workers (ZSET)
-- ARGV[1]  id of the worker, ARGV[2] first part of the tokens of its slots
-- ARGV[3]  ms of a lock, ARGV[4] ms after which a worker counts as dead
-- ARGV[5]  ms for which the loop has stood still, ARGV[6..] base of each queue, "<prefix>:<queue>:"
-- Returns  how many locks are renewed
-- @use room

local worker, tokens, lockMs, ttlMs, silentMs = unpack(ARGV)
local AT_ONCE = 1000

local function renew(base, ids)
  local locks = {}
  for i, id in ipairs(ids) do
    locks[i] = base .. id .. ':lock'
  end
  local kept = {}
  for i, token in ipairs(redis.call('MGET', unpack(locks))) do
    if token and string.sub(token, 1, #tokens) == tokens then
      redis.call('PEXPIRE', locks[i], lockMs)
      kept[#kept + 1] = ids[i]
    end
  end
  if #kept > 0 then
    redis.call('SREM', base .. 'stalled', unpack(kept))
  end
  return #kept
end

local function renewAll(base)
  local count, at = 0, 0
  while true do
    local ids = redis.call('LRANGE', base .. 'active', at, at + AT_ONCE - 1)
    if #ids == 0 then
      return count
    end
    count = count + renew(base, ids)
    at = at + AT_ONCE
  end
end

local count = 0
for i = 6, #ARGV do
  count = count + renewAll(ARGV[i])
end
local beat = redis.call('GET', KEYS[1])
if beat then
  -- As text: Lua would write out an empty list as an object.
  local lag = math.max(tonumber(silentMs), tonumber(string.match(beat, '"loop_lag_ms":(%d+)')) or 0)
  beat = string.gsub(beat, '"loop_lag_ms":%d+', string.format('"loop_lag_ms":%d', lag), 1)
  redis.call('SET', KEYS[1], beat, 'PX', ttlMs)
  local clock = redis.call('TIME')
  redis.call('ZADD', KEYS[2], string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000)), worker)
end
return count
