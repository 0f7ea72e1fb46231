-- Whether all that a worker publishes is still there: a flush or an eviction may have taken it.
--
-- KEYS[1]  names of all queues (SET), KEYS[2] registry (HASH), then meta (HASH) of each queue served
-- ARGV[1]  how many queues it serves, ARGV[2..] their names, then those of its tasks
-- Returns  1 when nothing is missing
local count = tonumber(ARGV[1])
for i = 1, count do
  local isKnown = redis.call('SISMEMBER', KEYS[1], ARGV[1 + i]) == 1
  if not isKnown or redis.call('HEXISTS', KEYS[2 + i], 'kaje.resultExpires') == 0 then
    return 0
  end
end
for i = 2 + count, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 0 then
    return 0
  end
end
return 1
