-- A heartbeat of a worker. When it was, the clock of Redis says: one whose own clock is ahead would
-- take all others for dead.
--
-- KEYS[1]  the heartbeat (STRING), KEYS[2] all workers (ZSET)
-- ARGV[1]  id of the worker, ARGV[2] what it tells, JSON
-- ARGV[3]  ms after which it counts as dead, ARGV[4] ms after which a dead one is forgotten
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- @use room

redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[1])
-- This clock was set back: who was seen later than now was seen now, and counts as dead in time.
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], string.format('(%.0f', now), '+inf')) do
  redis.call('ZADD', KEYS[2], string.format('%.0f', now), worker)
  redis.call('PEXPIRE', string.sub(KEYS[1], 1, -#ARGV[1] - 1) .. worker, ARGV[3])
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now - ARGV[4]))
