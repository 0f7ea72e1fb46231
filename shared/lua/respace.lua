-- Gives reserved tasks new slots, after their rate was changed. One that has left the line since it
-- was read keeps its time: it may wait for a retry.
--
-- KEYS[1]  reserved (ZSET of job keys)
-- ARGV[1]  ms between two slots; ARGV[2] the first slot, epoch ms
-- ARGV[3..] job keys, in their order
-- Returns  the first slot behind them
local interval, slot = tonumber(ARGV[1]), tonumber(ARGV[2])
local bases = {}

-- @use delayed

-- @use room

for i = 3, #ARGV do
  local job = ARGV[i]
  if isOver(job) then
    redis.call('ZREM', KEYS[1], job)
  elseif redis.call('ZSCORE', KEYS[1], job) then
    redis.call('ZADD', KEYS[1], slot, job)
    bases[delayUntil(job, slot, i)] = true
    slot = slot + interval
  end
end
for base in pairs(bases) do
  wakeUp(base)
end
return string.format('%.3f', slot)
