-- Adds lines to the log of a task, keeps the last ones, counts all, and tells those who follow it.
-- Nothing for a task that is gone: its keys would stay for ever.
--
-- KEYS[1]  the job (HASH), KEYS[2] its log (LIST)
-- ARGV[1]  lines written, also those that were too many to be sent; ARGV[2] lines to keep
-- ARGV[3]  channel of changed tasks, ARGV[4] id, ARGV[5..] the lines
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('RPUSH', KEYS[2], unpack(ARGV, 5))
  redis.call('LTRIM', KEYS[2], -tonumber(ARGV[2]), -1)
  redis.call('HINCRBY', KEYS[1], 'logs', ARGV[1])
  redis.call('PUBLISH', ARGV[3], ARGV[4])
end
