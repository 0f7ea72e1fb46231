-- Publishes what a worker serves.
--
-- KEYS[1]  names of all queues (SET), KEYS[2] registry (HASH), then meta (HASH) of each queue served
-- ARGV[1]  channel that tells of it
-- ARGV[2]  entries that BullMQ's stream of events keeps, ARGV[3] seconds that results are kept
-- ARGV[4]  how many queues it serves, ARGV[5..] their names, then name and spec of each of its tasks
local count = tonumber(ARGV[4])

-- @use room

for i = 1, count do
  redis.call('SADD', KEYS[1], ARGV[4 + i])
  redis.call('HSET', KEYS[2 + i], 'opts.maxLenEvents', ARGV[2], 'kaje.resultExpires', ARGV[3])
end
for i = 5 + count, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
redis.call('PUBLISH', ARGV[1], '')
