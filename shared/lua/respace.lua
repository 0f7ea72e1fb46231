-- Gives reserved tasks new slots, after their rate was changed. One that has left the line since it
-- was read keeps its time: it may wait for a retry.
--
-- KEYS[1]  reserved (ZSET of job keys)
-- ARGV[1]  ms between two slots; ARGV[2] the first slot, epoch ms
-- ARGV[3..] job keys, in their order
-- Returns  the first slot behind them
local interval, slot = tonumber(ARGV[1]), tonumber(ARGV[2])
local bases = {}

-- Ended, removed, or revoked where it waits.
local function isOver(job)
  local fields = redis.call('HMGET', job, 'name', 'finishedOn', 'defa')
  return not fields[1] or fields[2] or fields[3]
end

for i = 3, #ARGV do
  local job = ARGV[i]
  if isOver(job) then
    redis.call('ZREM', KEYS[1], job)
  elseif redis.call('ZSCORE', KEYS[1], job) then
    local base, id = string.match(job, '^(.*:)([^:]+)$')
    redis.call('ZADD', KEYS[1], slot, job)
    -- BullMQ's score: due time in ms * 4096 + a sequence number.
    redis.call('ZADD', base .. 'delayed', 'XX', math.ceil(slot) * 4096 + i, id)
    bases[base] = true
    slot = slot + interval
  end
end
for base in pairs(bases) do
  -- Wakes up whoever sleeps until the time at which something was due before.
  local first = redis.call('ZRANGE', base .. 'delayed', 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', base .. 'marker', math.floor(tonumber(first[2]) / 4096), '1')
  end
end
return string.format('%.3f', slot)
