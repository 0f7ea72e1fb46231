-- Notes which start of a task runs apart from all others (worker/losses.ts).
--
-- KEYS[1]  the job (HASH)
-- ARGV[1]  the start

-- @use room

if redis.call('HEXISTS', KEYS[1], 'name') == 1 then
  redis.call('HSET', KEYS[1], 'apart', ARGV[1])
end
