-- Reads lines of a task's log with their number in all, of which the last one has the highest:
-- in one go, or lines that come in between would change the count.
--
-- KEYS[1]  the job (HASH), KEYS[2] its log (LIST)
-- ARGV[1]  number of the last line that is known already
-- Returns  { lines written in all, { line ... } }
local total = tonumber(redis.call('HGET', KEYS[1], 'logs') or 0)
local count = total - tonumber(ARGV[1])
if count <= 0 then
  return { total, {} }
end
return { total, redis.call('LRANGE', KEYS[2], -count, -1) }
